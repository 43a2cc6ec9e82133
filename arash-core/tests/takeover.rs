//! What a program that died had begun is ended when the next one starts, where nobody else can be at work; nowhere else.
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

#[path = "support/stores.rs"]
mod stores;
#[path = "support/turns.rs"]
mod turns;

use std::sync::Arc;
use std::time::Duration;

use arash_core::clock::Clock;
use arash_core::id::{BotId, UpdateId};
use arash_core::inbox::{Inbox, NewUpdate};
use arash_core::store::SqlStore;
use arash_core::testing::{ManualClock, Script, ScriptedProvider, Step};
use arash_core::usage::{UsageFilter, UsagePage};
use arash_core::{Engine, IncomingMessage, Platform, ReplyEvent, ReplyStream};
use stores::{Home, TestStore};
use tokio::sync::Notify;
use turns::at;

const BOT: BotId = BotId(1);
const LEASE: Duration = Duration::from_secs(60);

/// A second after all that happens before.
fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::new(at(1)))
}

/// A turn, with an idempotency key, that a program began, and an update that it had: as they are when it dies.
async fn begin(store: &TestStore) {
    let turn = turns::keyed(turns::turn(at(0)), "key", "hello");
    store.store.begin(&[turns::started(&turn, at(0))]).await.unwrap();
    let update = [NewUpdate::new(UpdateId(1), "{}")];
    let inbox = Inbox::new(store.store.clone(), clock());
    inbox.receive(BOT, &update, LEASE).await.unwrap();
}

/// How many turns are recorded, how many still run, and how many updates may be claimed.
async fn found(store: &TestStore, engine: &Engine) -> [usize; 3] {
    let page = UsagePage { before: None, limit: 100 };
    let recorded = store.store.usage_records(UsageFilter::default(), page).await.unwrap().len();
    let running = store.store.lost_turns(at(3_600), 100).await.unwrap().len();
    [recorded, running, engine.inbox().claim(BOT, LEASE, 10).await.unwrap().len()]
}

async fn engine(store: &TestStore, provider: &ScriptedProvider) -> Engine {
    let platform = Platform::private("internal").models(["test/one"]);
    let builder = Engine::builder().platform(platform).shared_store(Arc::clone(&store.store));
    builder.ai(provider.clone()).clock(clock()).build().await.unwrap()
}

async fn idle(store: &TestStore) -> Engine {
    engine(store, &ScriptedProvider::default()).await
}

/// Another program's way to the same file.
async fn beside(store: &TestStore) -> TestStore {
    let Home::Folder(folder) = &store.home else { unreachable!("it is in a file") };
    let url = format!("sqlite://{}/test.db", folder.path().display());
    TestStore { store: Arc::new(SqlStore::open(&url).await.unwrap()), home: Home::Memory }
}

/// An engine amid an answer, and what lets it go on.
async fn answering(store: &TestStore) -> (Engine, ReplyStream, Arc<Notify>) {
    let go_on = Arc::new(Notify::new());
    let script = Script::new([Step::say("half"), Step::WaitFor(Arc::clone(&go_on)), Step::say(" and half")]);
    let engine = engine(store, &ScriptedProvider::new([script])).await;
    let mut stream = engine.stream(IncomingMessage::text("internal", "user", "chat", "hello")).await.unwrap();
    assert!(matches!(stream.next().await, Some(ReplyEvent::Delta(_))));
    (engine, stream, go_on)
}

#[tokio::test]
async fn what_a_dead_program_had_is_free_when_the_next_one_has_started_on_sqlite() {
    let store = stores::sqlite().await;
    begin(&store).await;
    let store = store.reopen().await;
    let engine = idle(&store).await;
    assert_eq!(found(&store, &engine).await, [1, 0, 1]);
    let (key, _) = turns::keyed(turns::turn(at(0)), "key", "").idempotency.unwrap();
    assert_eq!(store.store.find_turn(&key).await.unwrap(), None, "who asks again is answered anew");
    engine.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn what_another_node_may_have_stays_its_own_elsewhere() {
    for store in [stores::postgres().await, stores::memory()] {
        begin(&store).await;
        let store = store.reopen().await;
        let engine = idle(&store).await;
        assert_eq!(found(&store, &engine).await, [0, 1, 0]);
        engine.shutdown(Duration::from_secs(5)).await;
    }
}

#[tokio::test]
async fn engines_that_start_do_no_harm_to_one_that_answers() {
    let store = stores::sqlite().await;
    let (first, stream, go_on) = answering(&store).await;
    let same = idle(&store).await;
    let others = beside(&store).await;
    let other = idle(&others).await;
    let fourth = beside(&store).await;
    // The first one's lock, the only one that was ever had alone, must not be all that protects the others.
    let (late, late_stream, late_go_on) = answering(&fourth).await;
    go_on.notify_one();
    assert_eq!(stream.finish().await.unwrap().text, "half and half");
    for engine in [same, other, first] {
        engine.shutdown(Duration::from_secs(5)).await;
    }
    let fifth = beside(&store).await;
    let again = idle(&fifth).await;
    late_go_on.notify_one();
    assert_eq!(late_stream.finish().await.unwrap().text, "half and half");
    assert_eq!(found(&fifth, &again).await, [2, 0, 0]);
    for engine in [late, again] {
        engine.shutdown(Duration::from_secs(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_8_engines_that_start_after_a_death_all_leave_one_record() {
    let store = stores::sqlite().await;
    begin(&store).await;
    let store = store.reopen().await;
    let beside = futures_util::future::join_all((0..8).map(|_| beside(&store))).await;
    let engines = futures_util::future::join_all(beside.iter().map(idle)).await;
    let [recorded, running, claimed] = found(&store, engines.first().unwrap()).await;
    assert_eq!([recorded, running, claimed], [1, 0, 1]);
    for engine in engines {
        engine.shutdown(Duration::from_secs(5)).await;
    }
}

#[tokio::test]
async fn a_command_line_that_only_opens_the_file_is_no_engine() {
    let store = stores::sqlite().await;
    let tool = beside(&store).await;
    begin(&store).await;
    let store = store.reopen().await;
    let engine = idle(&store).await;
    assert_eq!(found(&store, &engine).await, [1, 0, 1]);
    tool.store.close().await;
    engine.shutdown(Duration::from_secs(5)).await;
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_has_one_lock_by_whatever_name_it_is_opened() {
    use std::os::unix::fs::PermissionsExt;

    let store = stores::sqlite().await;
    let (first, stream, go_on) = answering(&store).await;
    let Home::Folder(folder) = &store.home else { unreachable!("it is in a file") };
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(folder.path().join("test.db"), elsewhere.path().join("link.db")).unwrap();
    let url = format!("sqlite://{}/link.db", elsewhere.path().display());
    let linked = TestStore { store: Arc::new(SqlStore::open(&url).await.unwrap()), home: Home::Memory };
    let other = idle(&linked).await;
    go_on.notify_one();
    assert_eq!(stream.finish().await.unwrap().text, "half and half");
    let lock = std::fs::metadata(folder.path().join("test.db.lock")).unwrap();
    assert_eq!(lock.permissions().mode() & 0o777, 0o600);
    for engine in [first, other] {
        engine.shutdown(Duration::from_secs(5)).await;
    }
}
