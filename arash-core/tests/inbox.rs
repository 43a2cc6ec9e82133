//! What messengers send to bots is kept until it is answered, through the end of whoever read it, and no longer.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails panics")]

#[path = "support/stores.rs"]
mod stores;

use std::sync::Arc;
use std::time::Duration;

use arash_core::clock::Timestamp;
use arash_core::id::{BotId, UpdateId};
use arash_core::inbox::{Inbox, MAX_IDS, MAX_JSON_BYTES, MAX_UPDATES, NewUpdate};
use arash_core::testing::ManualClock;
use arash_core::{Engine, ErrorKind, Platform, Result};
use stores::TestStore;

on_each_store! {
    an_update_outlives_who_read_it
    what_cannot_be_kept_is_refused
}

const BOT: BotId = BotId(42);
const LEASE: Duration = Duration::from_secs(60);

fn clock() -> ManualClock {
    ManualClock::new(Timestamp::from_millis(1_762_000_200_000))
}

async fn engine(store: &TestStore, clock: &ManualClock) -> Engine {
    let platform = Platform::public("telegram").models(["offline/assistant"]);
    let builder = Engine::builder().platform(platform).shared_store(Arc::clone(&store.store));
    builder.clock(Arc::new(clock.clone())).build().await.unwrap()
}

fn update(number: i64, payload: &str) -> NewUpdate {
    NewUpdate::new(UpdateId(number), payload)
}

async fn an_update_outlives_who_read_it(store: TestStore) {
    let clock = clock();
    let first = engine(&store, &clock).await;
    let sent = [update(1, r#"{"text":"hello"}"#), update(2, r#"{"text":"again"}"#)];
    assert_eq!(first.inbox().receive(BOT, &sent, LEASE).await.unwrap(), [UpdateId(1), UpdateId(2)]);
    first.inbox().note(BOT, UpdateId(1), r#"{"placeholder":7}"#).await.unwrap();
    first.inbox().finish(BOT, &[UpdateId(2)]).await.unwrap();
    first.shutdown(Duration::from_secs(5)).await;
    let store = store.reopen().await;
    let second = engine(&store, &clock).await;
    let inbox = second.inbox();
    assert_eq!(inbox.receive(BOT, &sent, LEASE).await.unwrap(), [], "the messenger sends them again");
    clock.advance(LEASE);
    let claimed = inbox.claim(BOT, LEASE, 10).await.unwrap();
    assert_eq!((claimed.len(), claimed[0].id, claimed[0].attempts), (1, UpdateId(1), 2));
    assert_eq!(
        (&*claimed[0].payload, claimed[0].progress.as_deref()),
        (&*sent[0].payload, Some(r#"{"placeholder":7}"#))
    );
    clock.advance(LEASE / 2);
    inbox.renew(BOT, &[UpdateId(1)], LEASE).await.unwrap();
    clock.advance(LEASE / 2);
    assert_eq!(inbox.claim(BOT, LEASE, 10).await.unwrap(), []);
    inbox.release(BOT, &[UpdateId(1)]).await.unwrap();
    assert_eq!(inbox.claim(BOT, LEASE, 10).await.unwrap()[0].attempts, 3);
    assert_eq!(inbox.waiting(BOT).await.unwrap(), 1);
    inbox.finish(BOT, &[UpdateId(1)]).await.unwrap();
    assert_eq!(inbox.waiting(BOT).await.unwrap(), 0);
    second.shutdown(Duration::from_secs(5)).await;
}

async fn what_cannot_be_kept_is_refused(store: TestStore) {
    let engine = engine(&store, &clock()).await;
    let inbox = engine.inbox();
    let refused = async |updates: &[NewUpdate]| {
        let error = inbox.receive(BOT, updates, LEASE).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        error.to_string()
    };
    let long = format!("\"{}\"", "x".repeat(MAX_JSON_BYTES - 1));
    let said =
        refused(&[update(1, "{}"), update(2, &long), update(3, "{\"text\":\"a secret"), update(4, "\"\0\"")]).await;
    assert_eq!(
        said,
        "the request is not valid: updates.2.payload is 1048577 bytes long; at most 1048576 are accepted; \
         updates.3.payload is not JSON; updates.4.payload is not JSON"
    );
    let many: Vec<_> = (0..=MAX_UPDATES as i64).map(|number| update(number, "{}")).collect();
    assert_eq!(refused(&many).await, "the request is not valid: updates are 101; at most 100 are accepted at once");
    assert_eq!(inbox.waiting(BOT).await.unwrap(), 0, "all or none");
    let ids: Vec<_> = (0..=MAX_IDS as i64).map(UpdateId).collect();
    let is_refused = |result: Result<()>| result.unwrap_err().kind() == ErrorKind::InvalidInput;
    assert!(is_refused(inbox.renew(BOT, &ids, LEASE).await));
    assert!(is_refused(inbox.release(BOT, &ids).await));
    assert!(is_refused(inbox.finish(BOT, &ids).await));
    assert!(is_refused(inbox.note(BOT, UpdateId(1), "no JSON").await));
    assert!(is_refused(inbox.note(BOT, UpdateId(1), &long).await));
    engine.shutdown(Duration::from_secs(5)).await;
}

/// Most that may come at once: all of it within the time that storage has.
#[tokio::test]
async fn as_much_as_may_be_is_received_and_claimed_at_once_on_sqlite() {
    let (store, clock) = (stores::sqlite().await, clock());
    let engine = engine(&store, &clock).await;
    let long = format!("\"{}\"", "x".repeat(MAX_JSON_BYTES - 2));
    let all: Vec<_> = (0..MAX_UPDATES as i64).map(|number| update(number, &long)).collect();
    assert_eq!(engine.inbox().receive(BOT, &all, LEASE).await.unwrap().len(), MAX_UPDATES);
    clock.advance(LEASE);
    assert_eq!(engine.inbox().claim(BOT, LEASE, u32::MAX).await.unwrap().len(), MAX_UPDATES);
    let ids: Vec<_> = all.iter().map(|update| update.id).collect();
    engine.inbox().finish(BOT, &ids).await.unwrap();
    engine.shutdown(Duration::from_secs(5)).await;
}

/// Time stands still while anything is to be done, so the upkeep's minutes cost none.
#[tokio::test(start_paused = true)]
async fn an_update_is_remembered_for_25_hours() {
    let (store, clock) = (stores::memory(), clock());
    let engine = engine(&store, &clock).await;
    let inbox: &Inbox = engine.inbox();
    let sent = [update(1, "{}"), update(2, "{}")];
    inbox.receive(BOT, &sent, LEASE).await.unwrap();
    inbox.finish(BOT, &[UpdateId(1)]).await.unwrap();
    clock.advance(Duration::from_secs(25 * 3_600));
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(inbox.waiting(BOT).await.unwrap(), 1);
    assert_eq!(inbox.receive(BOT, &sent, LEASE).await.unwrap(), []);
    clock.advance(Duration::from_millis(1));
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(inbox.waiting(BOT).await.unwrap(), 0, "nobody answered it");
    assert_eq!(inbox.receive(BOT, &sent, LEASE).await.unwrap(), [UpdateId(1), UpdateId(2)]);
    engine.shutdown(Duration::from_secs(5)).await;
}
