//! What is deleted is in none of SQLite's files any more.

#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

#[path = "support/conversations.rs"]
mod conversations;
#[path = "support/turns.rs"]
mod turns;

use std::path::Path;
use std::time::Duration;

use arash_core::clock::Timestamp;
use arash_core::id::{BotId, EventId, TeamId, TurnId, UpdateId};
use arash_core::inbox::{InboxStore, NewUpdate, UpdateLease};
use arash_core::session::SessionStore;
use arash_core::store::{SqlStore, Store};
use arash_core::turn::{CommitOutcome, TurnCommit, TurnStore};
use arash_core::webhook::{Event, EventKind, OutboxStore};
use conversations::{chat, opening};
use turns::{at, keyed, started, turn, turn_with};

const CANARY: &str = "the canary sings 4711";

/// Each file that holds what was said, by its name.
fn singing(folder: &Path) -> Vec<String> {
    let holds = |path: &Path| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes())
    };
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| holds(path)).map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

async fn open(folder: &Path) -> SqlStore {
    SqlStore::open(&format!("sqlite://{}/test.db", folder.display())).await.unwrap()
}

async fn commit(store: &SqlStore, turn: &TurnCommit) {
    assert_eq!(store.commit(std::slice::from_ref(turn)).await.unwrap(), [CommitOutcome::Committed]);
}

/// Many conversations that were written at the same time as this one, so that it lies among others.
async fn say_much(store: &SqlStore, from: usize) {
    for number in from..from + 300 {
        let text = format!("{number} says: {}", "x".repeat(number * 37 % 700));
        commit(store, &opening(&chat(&number.to_string()), &[&text, &text], at(0))).await;
    }
}

/// A conversation with the canary in it: in its messages, in the kept reply and in the event.
async fn sing(store: &SqlStore) {
    let mut turn = keyed(opening(&chat("canary"), &[CANARY, CANARY], at(0)), "key", CANARY);
    turn.events = vec![event()];
    commit(store, &turn).await;
}

fn event() -> Event {
    let payload = format!(r#"{{"text":"{CANARY}"}}"#);
    Event { id: EventId::new(), team_id: TeamId(1), kind: EventKind::MessageCompleted, payload }
}

async fn purge(store: &SqlStore, now: Timestamp) {
    while store.purge_expired(now, 100).await.unwrap() > 0 {}
}

#[tokio::test]
async fn a_deleted_session_is_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    say_much(&store, 0).await;
    sing(&store).await;
    say_much(&store, 300).await;
    assert!(!singing(folder.path()).is_empty());
    assert!(store.delete_session(&chat("canary"), at(1)).await.unwrap());
    store.upkeep(at(1)).await.unwrap();
    assert_eq!(singing(folder.path()), [""; 0]);
    store.close().await;
}

#[tokio::test]
async fn a_session_that_was_deleted_before_a_crash_is_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    sing(&store).await;
    assert!(store.delete_session(&chat("canary"), at(1)).await.unwrap());
    let after = tempfile::tempdir().unwrap();
    for name in ["test.db", "test.db-wal"] {
        std::fs::copy(folder.path().join(name), after.path().join(name)).unwrap();
    }
    store.close().await;
    let store = open(after.path()).await;
    store.upkeep(at(2)).await.unwrap();
    assert_eq!(singing(after.path()), [""; 0]);
    store.close().await;
}

#[tokio::test]
async fn what_was_cleared_is_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let said = opening(&chat("canary"), &[CANARY, CANARY], at(0));
    commit(&store, &said).await;
    let change = said.session.unwrap();
    let mut cleared = opening(&chat("canary"), &[], at(1));
    let session = cleared.session.as_mut().unwrap();
    (session.id, session.expected_version, session.clears) = (change.id, change.new_version(), true);
    commit(&store, &cleared).await;
    store.upkeep(at(1)).await.unwrap();
    assert_eq!(singing(folder.path()), [""; 0]);
    store.close().await;
}

#[tokio::test]
async fn what_has_expired_is_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    say_much(&store, 0).await;
    commit(&store, &opening(&chat("canary"), &[CANARY, CANARY], at(0))).await;
    say_much(&store, 300).await;
    purge(&store, at(100_000)).await;
    store.upkeep(at(100_000)).await.unwrap();
    assert_eq!(singing(folder.path()), [""; 0]);
    store.close().await;
}

#[tokio::test]
async fn a_reply_that_was_kept_for_its_time_is_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let begun = keyed(turn(at(0)), "begun", CANARY);
    store.begin(&[started(&begun, at(0))]).await.unwrap();
    commit(&store, &TurnCommit { is_begun: true, ..begun }).await;
    commit(&store, &keyed(turn_with(TurnId::new(), at(0)), "key", CANARY)).await;
    store.forget_receipts(at(1)).await.unwrap();
    store.upkeep(at(1)).await.unwrap();
    assert_eq!(singing(folder.path()), [""; 0]);
    store.close().await;
}

#[tokio::test]
async fn an_event_whose_time_is_over_is_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    commit(&store, &TurnCommit { events: vec![event()], ..turn(at(0)) }).await;
    assert!(!singing(folder.path()).is_empty());
    // Given up, then deleted.
    for second in [1, 2] {
        assert_eq!(store.forget_events(at(second), Duration::ZERO, 100).await.unwrap(), 1);
    }
    store.upkeep(at(1)).await.unwrap();
    assert_eq!(singing(folder.path()), [""; 0]);
    store.close().await;
}

const BOT: BotId = BotId(1);

/// An update and a note of its progress, among others that wait.
async fn receive(store: &SqlStore) {
    let update = |number: i64| {
        let length = number.unsigned_abs() as usize * 37 % 700;
        let text = if number == 300 { CANARY.to_owned() } else { format!("{number} says: {}", "x".repeat(length)) };
        NewUpdate::new(UpdateId(number), format!(r#"{{"text":"{text}"}}"#))
    };
    let lease = UpdateLease { now: at(0), until: at(30) };
    for number in (0..600).step_by(100) {
        let some: Vec<_> = (number..number + 100).map(update).collect();
        assert_eq!(store.receive_updates(BOT, &some, lease).await.unwrap().len(), 100);
    }
    store.note_progress(BOT, UpdateId(300), &format!(r#"{{"told":"{CANARY}"}}"#)).await.unwrap();
}

#[tokio::test]
async fn an_update_that_is_done_is_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    receive(&store).await;
    assert!(!singing(folder.path()).is_empty());
    store.finish_updates(BOT, &[UpdateId(300)]).await.unwrap();
    store.upkeep(at(1)).await.unwrap();
    assert_eq!(singing(folder.path()), [""; 0]);
    store.close().await;
}

#[tokio::test]
async fn an_update_that_nobody_answered_in_time_is_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    receive(&store).await;
    while store.forget_updates(at(1), 100).await.unwrap().waiting > 0 {}
    store.upkeep(at(1)).await.unwrap();
    assert_eq!(singing(folder.path()), [""; 0]);
    store.close().await;
}
