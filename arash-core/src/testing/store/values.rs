//! What is written is read back as it was, whatever it is.

use std::sync::Arc;
use std::time::Duration;

use crate::id::{NodeId, TeamId};
use crate::message::{AttachmentRecord, Message, MessageKind, Role};
use crate::money::Micros;
use crate::quota::LeaseRequest;
use crate::session::{SessionFilter, SessionKey, SessionPage};
use crate::store::Store;
use crate::team::{NewApiKey, NewTeam, PageAfter};
use crate::testing::store::events::{claim, claimed, event, make_told_team};
use crate::testing::store::fixtures::{
    ALL, at, by, change, chat, commit_new, load, make_key, make_team, matching, new_key, new_team, opening, records,
    texts, turn, turn_for, turn_in,
};
use crate::testing::store::quota::request;
use crate::turn::{SessionChange, TurnCommit};
use crate::usage::{TokenUsage, UsageFilter, UsagePage};

/// Texts that were lost or changed by some program before.
const TEXTS: [&str; 12] = [
    "",
    " spaces around ",
    "it's \"quoted\" `text`; DROP TABLE messages; --",
    r"back\slash \n %s $1 {} ?",
    "line\nbreak\r\nand\ttab",
    "سلام دنیا، چطوری؟ نیم\u{200c}فاصله",
    "👩🏽‍🚀🇮🇷 emoji",
    "e\u{301} is not \u{e9}",
    "\u{202e}right to left\u{feff}",
    "{\"json\": [1, 2, \"three\"]}",
    "\u{10ffff}\u{1}\u{7f}",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
];

pub(super) async fn texts_survive_in_messages(store: Arc<dyn Store>) {
    let large = "ß".repeat(16 * 1_024);
    assert_eq!(large.len(), 32 * 1_024);
    let mut said = TEXTS.to_vec();
    said.push(&large);
    let session = change(&*store, opening(&chat("1"), &said, at(0))).await;
    assert_eq!(texts(&session), said);
}

pub(super) async fn texts_survive_in_teams_and_keys(store: Arc<dyn Store>) {
    // A name is never empty and has no control characters.
    let is_name = |text: &&str| !text.trim().is_empty() && !text.chars().any(char::is_control);
    for text in TEXTS.into_iter().filter(is_name) {
        let description = Some(text.to_owned());
        let allowed_models = Some(vec![text.into()]);
        let new = NewTeam { description: description.clone(), allowed_models, ..new_team(text) };
        let team = store.create_team(new, &by(at(0))).await.unwrap().result;
        let created_by = Some(text.to_owned());
        let key = NewApiKey { created_by, description, ..new_key(team.id, text) };
        let key = store.create_key(key, &by(at(0))).await.unwrap().result.key;
        assert_eq!(team.name, text);
        assert_eq!(
            (key.name.as_str(), key.created_by.as_deref(), key.description.as_deref()),
            (text, Some(text), Some(text))
        );
        let owner = matching(&*store, text).await.owner;
        assert_eq!((owner.key, owner.team), (key, team));
    }
}

pub(super) async fn texts_survive_in_turns_and_events(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    for text in TEXTS {
        let json = serde_json::to_string(text).unwrap();
        let mut turn = TurnCommit { receipt: Some(json.clone()), ..turn_for(&format!("{text:?}"), at(0)) };
        turn.usage.error = Some(text.to_owned());
        turn.usage.session_key = Some(text.to_owned());
        turn.usage.platform = text.to_owned();
        let event = event(team, &json);
        turn.events.push(event.clone());
        commit_new(&*store, &turn).await;
        let (key, _) = turn.idempotency.as_ref().unwrap();
        let found = store.find_turn(key).await.unwrap().unwrap();
        assert_eq!(found.receipt, Some(json));
        assert_eq!(records(&*store).await[0], turn.usage);
        let told = claimed(&*store, &claim(at(0))).await;
        assert_eq!(
            told.iter().map(|told| (&told.event, told.session_id.as_deref())).collect::<Vec<_>>(),
            [(&event, Some(text))]
        );
    }
}

pub(super) async fn session_names_that_look_alike_stay_apart(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let mut keys = Vec::new();
    for id in ["chat", "Chat", "chat ", "e\u{301}", "\u{e9}", "5_x", "0_", "_", "%", "سلام", "👋", "a'b\"c"] {
        keys.push(SessionKey::public("telegram", id));
        keys.push(SessionKey::private("internal", team, id));
        keys.push(SessionKey::private("internal", TeamId::HOST, id));
    }
    for (key, second) in keys.iter().zip(0..) {
        assert_eq!(store.load(key, ALL, at(100)).await.unwrap(), None, "{key:?}");
        let team_id = key.team().filter(|&team| team != TeamId::HOST);
        let user_id = format!("user of {key}");
        change(&*store, SessionChange { team_id, user_id, ..opening(key, &[key.as_str()], at(second)) }).await;
    }
    for key in &keys {
        let session = load(&*store, key, at(100)).await;
        assert_eq!((&session.key, texts(&session)), (key, vec![key.as_str()]));
        assert_eq!(session.user_id, format!("user of {key}"));
    }
    let page = SessionPage { before: None, limit: 1_000 };
    let listed = store.sessions(&SessionFilter::default(), page, at(100)).await.unwrap();
    let listed: Vec<_> = listed.into_iter().rev().map(|session| session.key).collect();
    assert_eq!(listed, keys, "a list names them as they are, with platform, team and chat");
}

pub(super) async fn attachments_and_roles_survive(store: Arc<dyn Store>) {
    let mut opened = opening(&chat("1"), &[], at(0));
    for (role, kind) in [
        (Role::System, MessageKind::Text),
        (Role::User, MessageKind::Image),
        (Role::Assistant, MessageKind::Audio),
        (Role::Tool, MessageKind::Document),
    ] {
        let inline =
            AttachmentRecord { kind, media_type: Some("image/png".to_owned()), bytes: Some(1 << 40), url: None };
        let url = Some("https://example.com/a?b=c&d='e'".to_owned());
        let linked = AttachmentRecord { kind, media_type: None, bytes: None, url };
        let said = Message { attachments: vec![inline, linked], ..Message::new(role, "look", at(3)) };
        opened.messages.push(Arc::new(said));
    }
    let said = opened.messages.clone();
    let session = change(&*store, opened).await;
    assert_eq!(session.history.iter().collect::<Vec<_>>(), said.iter().collect::<Vec<_>>());
}

pub(super) async fn large_numbers_survive(store: Arc<dyn Store>) {
    // Beyond 2^53 a detour through floating point would be seen.
    const LARGE: u64 = (1 << 53) + 1;
    let mut turns = [turn(at(0)), turn(at(1))];
    for turn in &mut turns {
        turn.usage.tokens = TokenUsage { prompt_tokens: LARGE, completion_tokens: LARGE, estimated: false };
        turn.usage.cost = Micros(LARGE as i64);
        turn.usage.response_time = Duration::from_millis(LARGE);
        commit_new(&*store, turn).await;
    }
    turns.reverse();
    assert_eq!(records(&*store).await, turns.each_ref().map(|turn| turn.usage.clone()));
    let hours = store.usage_hours(UsageFilter::default(), at(0), at(1)).await.unwrap();
    let [hour] = &hours[..] else { unreachable!("one hour is told, not {hours:?}") };
    assert_eq!((hour.totals.tokens.prompt_tokens, hour.totals.cost), (2 * LARGE, Micros(2 * LARGE as i64)));

    let mut opened = opening(&chat("1"), &["a"], at(0));
    (opened.message_count, opened.stored_messages) = (LARGE, LARGE + 1);
    commit_new(&*store, &turn_in(opened)).await;
    let session = load(&*store, &chat("1"), at(1)).await;
    assert_eq!((session.message_count, session.stored_messages), (LARGE, LARGE + 1));

    let most = 1_000_000_000_000;
    let asked = LeaseRequest { wanted: most + 1, ..request(NodeId::new(), most, at(0)) };
    assert_eq!(store.lease(asked).await.unwrap().amount, most);
}

pub(super) async fn page_sizes_have_no_trap(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    make_key(&*store, team, "key").await;
    change(&*store, opening(&chat("1"), &["a", "b"], at(0))).await;
    for (limit, count) in [(0, 0), (1, 1), (u32::MAX, 1)] {
        assert_eq!(store.teams(false, PageAfter::first(limit)).await.unwrap().len(), count);
        assert_eq!(store.keys(None, PageAfter::first(limit)).await.unwrap().len(), count);
        let page = SessionPage { before: None, limit };
        assert_eq!(store.sessions(&SessionFilter::default(), page, at(1)).await.unwrap().len(), count);
        let page = UsagePage { before: None, limit };
        assert_eq!(store.usage_records(UsageFilter::default(), page).await.unwrap().len(), count);
    }
    let beyond = PageAfter { after: i64::MAX, limit: 10 };
    assert!(store.teams(false, beyond).await.unwrap().is_empty());
    assert!(store.keys(None, beyond).await.unwrap().is_empty());
    let everything = store.load(&chat("1"), usize::MAX, at(1)).await.unwrap().unwrap();
    assert_eq!(texts(&everything), ["a", "b"]);
    assert_eq!(store.purge_expired(at(100_000), 0).await.unwrap(), 0);
    assert_eq!(store.purge_expired(at(100_000), u32::MAX).await.unwrap(), 1);
}
