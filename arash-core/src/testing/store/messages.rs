use std::sync::Arc;

use crate::clock::Timestamp;
use crate::id::TurnId;
use crate::message::{AttachmentRecord, Message, MessageKind, Role, ToolCall};
use crate::session::{MessagePage, SessionKey, StoredMessage};
use crate::store::Store;
use crate::testing::store::fixtures::{at, change, chat, commit_new, following, load, make_team, opening, turn_in};
use crate::turn::{SessionChange, TurnCommit};

const EVERYTHING: MessagePage = MessagePage { before: None, limit: 1_000 };

async fn told(store: &dyn Store, key: &SessionKey, page: MessagePage, now: Timestamp) -> Vec<StoredMessage> {
    let messages = store.messages(key, page, now).await.unwrap();
    assert!(messages.is_some(), "{key} must be open at {now}");
    messages.unwrap()
}

fn said(messages: &[StoredMessage]) -> Vec<&str> {
    messages.iter().map(|message| &*message.message.text).collect()
}

/// What a turn says, newest first, as the store is to tell it.
fn expected(turn: &TurnCommit) -> Vec<StoredMessage> {
    let (turn_id, change) = (turn.turn_id, turn.session.as_ref().unwrap());
    let numbered = change.numbered_messages();
    let mut messages: Vec<_> =
        numbered.map(|(seq, message)| StoredMessage { seq, turn_id, message: Arc::clone(message) }).collect();
    messages.reverse();
    messages
}

pub(super) async fn messages_are_told_as_they_were_said(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    for key in [SessionKey::private("internal", team, "chat 1"), chat("chat 1")] {
        let inline = AttachmentRecord {
            kind: MessageKind::Image,
            media_type: Some("image/png".to_owned()),
            bytes: Some(5),
            url: None,
        };
        let url = Some("https://example.com/a?b=c".to_owned());
        let linked = AttachmentRecord { kind: MessageKind::Document, media_type: None, bytes: None, url };
        let mut opened = opening(&key, &["look", "I see"], at(0));
        let look = Message { attachments: vec![inline, linked], ..Message::new(Role::User, "look", at(0)) };
        opened.messages[0] = Arc::new(look);
        let first = turn_in(opened);
        commit_new(&*store, &first).await;
        let second = turn_in(following(&load(&*store, &key, at(1)).await, &["and this?", "سلام 👋"], at(9)));
        commit_new(&*store, &second).await;
        assert_ne!(first.turn_id, second.turn_id);
        let all: Vec<_> = expected(&second).into_iter().chain(expected(&first)).collect();
        assert_eq!(told(&*store, &key, EVERYTHING, at(10)).await, all);
    }
}

pub(super) async fn tool_calls_and_their_results_are_told_as_they_were_made(store: Arc<dyn Store>) {
    let key = chat("1");
    let call = |id: &str, arguments: &str| ToolCall {
        id: id.to_owned(),
        name: "get_weather".to_owned(),
        arguments: arguments.to_owned(),
    };
    let odd = call("call'2\"", "{\"city\": \"تهران\\u0000\", not JSON");
    let calls = vec![call("call_1", "{}"), odd];
    let mut opened = opening(&key, &["how is the weather?"], at(0));
    opened.messages.extend([
        Arc::new(Message::calling("Let me look.", calls.clone(), at(1))),
        Arc::new(Message::tool_result("call_1", "sunny", at(2))),
        Arc::new(Message::tool_result("call'2\"", "", at(2))),
        Arc::new(Message::calling("", vec![call("call_1", "{}")], at(3))),
        Arc::new(Message::tool_result("call_1", "rainy", at(4))),
        Arc::new(Message::new(Role::Assistant, "It was sunny.", at(5))),
    ]);
    (opened.message_count, opened.stored_messages) = (1, 7);
    let turn = turn_in(opened);
    commit_new(&*store, &turn).await;
    assert_eq!(told(&*store, &key, EVERYTHING, at(6)).await, expected(&turn));
    let session = load(&*store, &key, at(6)).await;
    let said = &turn.session.as_ref().unwrap().messages;
    assert_eq!(session.history.iter().collect::<Vec<_>>(), said.iter().collect::<Vec<_>>());
    assert_eq!((session.message_count, session.stored_messages, session.version), (1, 7, 7));
}

pub(super) async fn messages_are_paged_newest_first(store: Arc<dyn Store>) {
    let key = chat("1");
    let mut session = change(&*store, opening(&key, &["0", "1"], at(0))).await;
    // Another conversation in between: its messages are no part of this one.
    change(&*store, opening(&chat("2"), &["x", "y"], at(0))).await;
    for number in 1..6 {
        if number == 3 {
            // A command says nothing, but moves the version: a gap in the sequence.
            session = change(&*store, following(&session, &[], at(number))).await;
        }
        let texts = [(2 * number).to_string(), (2 * number + 1).to_string()];
        session = change(&*store, following(&session, &texts.each_ref().map(String::as_str), at(number))).await;
    }
    let all: Vec<_> = (0..12).rev().map(|number| number.to_string()).collect();
    for limit in [1, 2, 5, 12, 100] {
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let page = told(&*store, &key, MessagePage { before, limit }, at(10)).await;
            assert!(page.len() <= limit as usize, "a page has at most as many entries as were asked for");
            assert!(page.iter().is_sorted_by(|one, other| one.seq > other.seq), "{page:?}");
            let Some(last) = page.last() else { break };
            before = Some(last.seq);
            seen.extend(page.iter().map(|message| message.message.text.to_string()));
            assert!(seen.len() <= all.len(), "a page repeats what was told before, in pages of {limit}");
        }
        assert_eq!(seen, all, "no gap and no repeat, in pages of {limit}");
    }
}

pub(super) async fn a_session_that_is_not_open_has_no_messages(store: Arc<dyn Store>) {
    let (key, other) = (chat("1"), chat("2"));
    assert_eq!(store.messages(&key, EVERYTHING, at(0)).await.unwrap(), None);
    let session = change(&*store, opening(&key, &["a", "b"], at(0))).await;
    change(&*store, opening(&other, &["x", "y"], at(0))).await;
    let just_before = Timestamp::from_millis(session.expires_at.as_millis() - 1);
    assert_eq!(said(&told(&*store, &key, EVERYTHING, just_before).await), ["b", "a"]);
    assert_eq!(store.messages(&key, EVERYTHING, session.expires_at).await.unwrap(), None);
    let anew = change(&*store, opening(&key, &["c"], session.expires_at)).await;
    let anew_at = anew.last_activity_at;
    assert_eq!(said(&told(&*store, &key, EVERYTHING, anew_at).await), ["c"], "nothing of the expired one comes back");
    store.delete_session(&key, anew_at).await.unwrap();
    assert_eq!(store.messages(&key, EVERYTHING, anew_at).await.unwrap(), None);
    assert_eq!(said(&told(&*store, &other, EVERYTHING, at(1)).await), ["y", "x"]);
}

pub(super) async fn what_was_said_before_a_clearing_is_not_told(store: Arc<dyn Store>) {
    let key = chat("1");
    let session = change(&*store, opening(&key, &["a", "b"], at(0))).await;
    let before = told(&*store, &key, EVERYTHING, at(0)).await;
    let clearing =
        SessionChange { clears: true, message_count: 0, stored_messages: 0, ..following(&session, &[], at(1)) };
    let cleared = change(&*store, clearing).await;
    assert_eq!(told(&*store, &key, EVERYTHING, at(1)).await, [], "it is open, and nothing is said in it");
    let turn = TurnCommit { turn_id: TurnId::new(), ..turn_in(following(&cleared, &["c", "d"], at(2))) };
    commit_new(&*store, &turn).await;
    let after = told(&*store, &key, EVERYTHING, at(2)).await;
    assert_eq!(said(&after), ["d", "c"]);
    assert!(after.iter().all(|message| message.seq > before[0].seq), "a number is given once");
    let older = MessagePage { before: Some(after[1].seq), limit: 10 };
    assert_eq!(told(&*store, &key, older, at(2)).await, []);
}

pub(super) async fn a_page_of_messages_has_no_trap(store: Arc<dyn Store>) {
    let key = chat("1");
    change(&*store, opening(&key, &["a", "b"], at(0))).await;
    for (limit, count) in [(0, 0), (1, 1), (u32::MAX, 2)] {
        assert_eq!(told(&*store, &key, MessagePage { before: None, limit }, at(1)).await.len(), count);
    }
    for (before, count) in [(i64::MIN, 0), (-1, 0), (0, 0), (i64::MAX, 2)] {
        let page = MessagePage { before: Some(before), limit: 10 };
        assert_eq!(told(&*store, &key, page, at(1)).await.len(), count, "before {before}");
    }
}
