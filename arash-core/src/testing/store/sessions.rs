use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::session::{History, Session, SessionFilter, SessionKey};
use crate::store::Store;
use crate::testing::store::events::{claim, claimed, event, make_told_team};
use crate::testing::store::fixtures::{
    ALL, TIMEOUT, at, change, chat, commit, commit_new, following, load, make_team, opening, records, stored, texts,
    turn_for, turn_in,
};
use crate::turn::{CommitOutcome, SessionChange, TurnCommit};
use crate::usage::UsageFilter;

pub(super) async fn an_opened_session_is_loaded_as_it_was_committed(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    for key in [SessionKey::private("internal", team, "chat 1"), chat("chat 1")] {
        assert_eq!(store.load(&key, ALL, at(0)).await.unwrap(), None);
        let model = Some("openai/gpt-5-chat".into());
        let opened = SessionChange { model, ..opening(&key, &["Hello", "Hi"], at(5)) };
        commit_new(&*store, &turn_in(opened.clone())).await;
        let session = load(&*store, &key, at(6)).await;
        let expected = Session {
            id: opened.id,
            key,
            team_id: opened.team_id,
            user_id: opened.user_id.clone(),
            model: opened.model.clone(),
            version: opened.new_version(),
            fence: 0,
            message_count: 1,
            stored_messages: 2,
            // No trait says which moment it is; only that it is one.
            created_at: session.created_at,
            last_activity_at: at(5),
            expires_at: at(5).plus(TIMEOUT),
            history: History::new(opened.messages.iter().map(|message| (**message).clone())),
        };
        assert_eq!(session, expected);
        assert!(session.created_at <= at(5), "it was opened before its first turn ended");
    }
}

pub(super) async fn a_session_goes_on_where_it_was(store: Arc<dyn Store>) {
    let key = chat("1");
    let opened = change(&*store, opening(&key, &["a", "b"], at(0))).await;
    let second = SessionChange { model: Some("a/b".into()), ..following(&opened, &["c", "d"], at(10)) };
    let version = second.new_version();
    let second = change(&*store, second).await;
    assert_eq!(texts(&second), ["a", "b", "c", "d"]);
    assert_eq!((second.message_count, second.stored_messages), (2, 4));
    assert_eq!((second.id, second.version), (opened.id, version));
    assert_eq!((second.created_at, second.last_activity_at), (opened.created_at, at(10)));
    assert_eq!(second.model, Some("a/b".into()));
    let third = SessionChange { model: None, ..following(&second, &["e"], at(20)) };
    let third = change(&*store, third).await;
    assert_eq!(third.model, None, "the choice of a model can be taken back");
    assert_eq!(texts(&third), ["a", "b", "c", "d", "e"]);
}

pub(super) async fn the_window_holds_the_newest_messages_oldest_first(store: Arc<dyn Store>) {
    let key = chat("1");
    let said: Vec<_> = (0..25).map(|number| format!("message {number}")).collect();
    let said: Vec<_> = said.iter().map(String::as_str).collect();
    let mut session = change(&*store, opening(&key, &said[..2], at(0))).await;
    for (number, texts) in said[2..].chunks(3).enumerate() {
        session = change(&*store, following(&session, texts, at(1 + number as u64))).await;
    }
    for window in [0, 1, 2, 24, 25, 26, 1_000] {
        let loaded = store.load(&key, window, at(30)).await.unwrap().unwrap();
        assert_eq!(texts(&loaded), said[said.len().saturating_sub(window)..], "a window of {window}");
        assert_eq!(loaded.stored_messages, 25, "the count is that of all messages");
    }
}

pub(super) async fn a_session_expires_at_its_moment(store: Arc<dyn Store>) {
    let key = chat("1");
    let session = change(&*store, opening(&key, &["a", "b"], at(0))).await;
    let just_before = Timestamp::from_millis(session.expires_at.as_millis() - 1);
    assert!(store.load(&key, ALL, just_before).await.unwrap().is_some());
    assert_eq!(store.load(&key, ALL, session.expires_at).await.unwrap(), None);
    assert_eq!(store.load(&key, ALL, session.expires_at.plus(TIMEOUT)).await.unwrap(), None);
}

pub(super) async fn a_turn_keeps_a_session_open(store: Arc<dyn Store>) {
    let key = chat("1");
    let session = change(&*store, opening(&key, &["a", "b"], at(0))).await;
    let later = session.expires_at.minus(Duration::from_secs(1));
    change(&*store, following(&session, &["c", "d"], later)).await;
    let session = load(&*store, &key, session.expires_at.plus(Duration::from_mins(1))).await;
    assert_eq!(texts(&session), ["a", "b", "c", "d"]);
    assert_eq!(session.expires_at, later.plus(TIMEOUT));
}

pub(super) async fn a_new_session_takes_the_place_of_an_expired_one(store: Arc<dyn Store>) {
    let key = chat("1");
    let old = change(&*store, opening(&key, &["old", "old too", "and this"], at(0))).await;
    let new = SessionChange { user_id: "user-2".to_owned(), ..opening(&key, &["new"], old.expires_at) };
    let new = change(&*store, new).await;
    assert_ne!(new.id, old.id);
    assert_eq!(texts(&new), ["new"], "nothing of the expired session comes back");
    assert_eq!((new.user_id.as_str(), new.version, new.stored_messages), ("user-2", 1, 1));
    let late = following(&old, &["late"], old.expires_at.plus(Duration::from_secs(1)));
    assert_eq!(commit(&*store, &turn_in(late)).await, CommitOutcome::Stale, "the old session is gone");
    store.purge_expired(old.expires_at, 100).await.unwrap();
    assert_eq!(load(&*store, &key, old.expires_at).await, new, "purging the old one spares the new one");
}

pub(super) async fn clearing_removes_what_was_said_before(store: Arc<dyn Store>) {
    let key = chat("1");
    let session = change(&*store, opening(&key, &["a", "b", "c"], at(0))).await;
    let cleared =
        SessionChange { clears: true, message_count: 1, stored_messages: 2, ..following(&session, &["d", "e"], at(1)) };
    let cleared = change(&*store, cleared).await;
    assert_eq!(texts(&cleared), ["d", "e"]);
    assert_eq!((cleared.message_count, cleared.stored_messages), (1, 2));
    assert!(cleared.version > session.version);
    let session = change(&*store, following(&cleared, &["f"], at(2))).await;
    assert_eq!(texts(&session), ["d", "e", "f"]);
}

pub(super) async fn clearing_without_a_message_is_a_change_too(store: Arc<dyn Store>) {
    let key = chat("1");
    let other = change(&*store, opening(&chat("2"), &["x", "y"], at(0))).await;
    let session = change(&*store, opening(&key, &["a", "b", "c"], at(0))).await;
    let clearing =
        SessionChange { clears: true, message_count: 0, stored_messages: 0, ..following(&session, &[], at(1)) };
    let cleared = change(&*store, clearing).await;
    assert!(cleared.history.is_empty());
    assert_eq!((cleared.message_count, cleared.stored_messages), (0, 0));
    assert_eq!(cleared.version, session.version + 1);
    let late = turn_in(following(&session, &["late"], at(2)));
    assert_eq!(commit(&*store, &late).await, CommitOutcome::Stale, "whoever did not see it cleared is refused");
    assert_eq!(texts(&change(&*store, following(&cleared, &["d"], at(2))).await), ["d"]);
    assert_eq!(load(&*store, &other.key, at(2)).await, other, "no other session is cleared");
}

pub(super) async fn a_deleted_session_is_gone_and_its_usage_stays(store: Arc<dyn Store>) {
    let (key, other) = (chat("1"), chat("2"));
    let session = change(&*store, opening(&key, &["a", "b"], at(0))).await;
    let kept = change(&*store, opening(&other, &["x", "y"], at(0))).await;
    assert!(!store.delete_session(&chat("3"), at(1)).await.unwrap());
    assert!(store.delete_session(&key, at(1)).await.unwrap());
    assert!(!store.delete_session(&key, at(1)).await.unwrap(), "it is gone already");
    assert_eq!(store.load(&key, ALL, at(1)).await.unwrap(), None);
    assert_eq!(records(&*store).await.len(), 2);
    let late = turn_in(following(&session, &["late"], at(2)));
    assert_eq!(commit(&*store, &late).await, CommitOutcome::Stale);
    let anew = change(&*store, opening(&key, &["c"], at(3))).await;
    assert_eq!(texts(&anew), ["c"], "what was deleted does not come back");
    assert_eq!(load(&*store, &other, at(3)).await, kept);
}

pub(super) async fn a_deleted_session_takes_its_replies_and_events_along(store: Arc<dyn Store>) {
    let team_id = make_told_team(&*store, "Acme", at(0)).await;
    let said = |chat: &str, at: Timestamp| {
        let key = SessionKey::private("internal", team_id, chat);
        let mut turn = TurnCommit { session: Some(opening(&key, &["a", "b"], at)), ..turn_for(chat, at) };
        turn.usage.session_key = Some(key.as_str().to_owned());
        turn.events = vec![event(team_id, &format!(r#"{{"chat":"{chat}"}}"#))];
        turn
    };
    let (deleted, kept) = (said("1", at(0)), said("2", at(0)));
    let mut failed = TurnCommit { session: None, ..turn_for("failed", at(1)) };
    failed.usage.session_key.clone_from(&deleted.usage.session_key);
    for turn in [&deleted, &kept, &failed] {
        commit_new(&*store, turn).await;
    }
    let (rows, hours) =
        (records(&*store).await, store.usage_hours(UsageFilter::default(), at(0), at(9)).await.unwrap());
    let key = deleted.session.as_ref().unwrap().key.clone();
    assert!(store.delete_session(&key, at(2)).await.unwrap());

    let idempotency_key = |turn: &TurnCommit| turn.idempotency.clone().unwrap().0;
    for turn in [&deleted, &failed] {
        assert_eq!(store.find_turn(&idempotency_key(turn)).await.unwrap(), None, "its reply goes, and its key is free");
        let bare = TurnCommit { idempotency: None, receipt: None, ..turn.clone() };
        assert_eq!(commit(&*store, &bare).await, CommitOutcome::Duplicate(stored(&bare)), "the turn stays known");
    }
    assert_eq!(store.find_turn(&idempotency_key(&kept)).await.unwrap(), Some(stored(&kept)));
    let events: Vec<_> = claimed(&*store, &claim(at(9))).await.into_iter().map(|told| told.event).collect();
    assert_eq!(events, kept.events, "nothing that was said there is told any more");
    assert_eq!(records(&*store).await, rows);
    assert_eq!(store.usage_hours(UsageFilter::default(), at(0), at(9)).await.unwrap(), hours);
    commit_new(&*store, &turn_for("1", at(3))).await;
}

pub(super) async fn purging_removes_expired_sessions_only(store: Arc<dyn Store>) {
    let mut sessions = Vec::new();
    for number in 0..4 {
        let key = chat(&number.to_string());
        sessions.push(change(&*store, opening(&key, &["a", "b"], at(number * 60))).await);
    }
    let now = sessions[1].expires_at;
    assert_eq!(store.purge_expired(now, 100).await.unwrap(), 2);
    assert_eq!(store.purge_expired(now, 100).await.unwrap(), 0);
    for session in &sessions[..2] {
        let in_its_time = session.last_activity_at;
        assert_eq!(store.load(&session.key, ALL, in_its_time).await.unwrap(), None, "it has left the store");
        let late = turn_in(following(session, &["late"], now));
        assert_eq!(commit(&*store, &late).await, CommitOutcome::Stale);
    }
    for session in &sessions[2..] {
        assert_eq!(&load(&*store, &session.key, now).await, session);
    }
    assert_eq!(records(&*store).await.len(), 4, "usage records stay");
}

pub(super) async fn purging_removes_as_many_as_it_may(store: Arc<dyn Store>) {
    for number in 0..5 {
        change(&*store, opening(&chat(&number.to_string()), &["a", "b"], at(number))).await;
    }
    let now = at(5).plus(TIMEOUT);
    let mut purged = Vec::new();
    for _ in 0..4 {
        purged.push(store.purge_expired(now, 2).await.unwrap());
    }
    assert_eq!(purged, [2, 2, 1, 0]);
    let counts = store.count_sessions(&SessionFilter::default(), at(0), at(5)).await.unwrap();
    assert_eq!(counts.total, 0);
}
