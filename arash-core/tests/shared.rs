//! Several engines on one store: they work with a session one after the other, as if they were one.
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arash_core::ai::{AiError, AiProvider, ChatDelta, ChatRequest, ChatStream};
use arash_core::clock::{Clock, SystemClock, Timestamp};
use arash_core::id::NodeId;
use arash_core::session::{Claim, ClaimRequest, SessionKey, SessionManager, SessionSettings, SessionStore};
use arash_core::store::{MemoryStore, Store};
use arash_core::testing::{Script, ScriptedProvider, Step};
use arash_core::turn::TurnStore;
use arash_core::usage::{UsageFilter, UsagePage};
use arash_core::{Engine, EngineBuilder, ErrorKind, IncomingMessage, Platform, ReplyEvent};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.unwrap()
}

/// The time as tokio has it, which leaps over pauses.
#[derive(Debug)]
struct TokioClock(tokio::time::Instant);

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_762_000_200_000).plus(self.0.elapsed())
    }
}

fn in_memory(store: &MemoryStore) -> Arc<dyn Store> {
    Arc::new(store.clone())
}

#[cfg(feature = "postgres")]
async fn on_postgres(database: &arash_core::testing::PostgresDatabase) -> Arc<dyn Store> {
    Arc::new(arash_core::store::SqlStore::open(database.url()).await.unwrap())
}

async fn node(store: Arc<dyn Store>, provider: impl AiProvider) -> Engine {
    builder(store, provider).build().await.unwrap()
}

fn builder(store: Arc<dyn Store>, provider: impl AiProvider) -> EngineBuilder {
    let platform = Platform::public("telegram").models(["test/one"]).max_history(10_000);
    let settings = SessionSettings { max_waiters: 1_000, ..SessionSettings::default() };
    Engine::builder().platform(platform).shared_store(store).sessions(settings).ai(provider)
}

fn said(text: &str) -> IncomingMessage {
    IncomingMessage::text("telegram", "user", "chat", text)
}

fn key() -> SessionKey {
    SessionKey::public("telegram", "chat")
}

/// Answers how many messages it saw, and the newest one.
#[derive(Clone, Debug)]
struct Counting;

#[async_trait::async_trait]
impl AiProvider for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }

    async fn stream(&self, request: ChatRequest) -> arash_core::Result<ChatStream, AiError> {
        let newest = request.newest().map(|message| message.text.to_string()).unwrap_or_default();
        let text = format!("{} {newest}", request.messages.len());
        tokio::task::yield_now().await;
        Ok(Box::pin(futures_util::stream::iter([Ok(ChatDelta::Text(text))])))
    }
}

/// Gives the test, which gets three ways to one store, as `$name::memory` and `$name::postgres`.
macro_rules! on_each_shared_store {
    ($($name:ident)*) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn memory() {
                let store = super::MemoryStore::shared_by_nodes();
                super::$name([super::in_memory(&store), super::in_memory(&store), super::in_memory(&store)]).await;
            }

            #[cfg(feature = "postgres")]
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                let database = arash_core::testing::PostgresDatabase::create().await;
                let open = || super::on_postgres(&database);
                super::$name([open().await, open().await, open().await]).await;
            }
        }
    )*};
}

on_each_shared_store! {
    two_nodes_answer_one_session_in_one_order
    a_node_goes_on_where_the_other_has_ended
}

async fn two_nodes_answer_one_session_in_one_order([one, other, store]: [Arc<dyn Store>; 3]) {
    const MESSAGES: usize = 300;
    let nodes = [node(one, Counting).await, node(other, Counting).await];
    let mut tasks = JoinSet::new();
    for number in 0..MESSAGES {
        let node = nodes.get(number % 2).unwrap().clone();
        tasks.spawn(async move {
            let message = said(&number.to_string());
            if number % 3 == 0 {
                node.stream(message).await.unwrap().finish().await.unwrap()
            } else {
                node.process(message).await.unwrap()
            }
        });
    }
    let replies = soon(tasks.join_all()).await;
    let counts: BTreeSet<_> = replies.iter().map(|reply| reply.receipt.message_count).collect();
    assert_eq!(counts, (1..=MESSAGES as u64).collect(), "each has its own place");
    let session = store.load(&key(), 10_000, SystemClock.now()).await.unwrap().unwrap();
    let history: Vec<_> = session.history.iter().map(|message| message.text.to_string()).collect();
    assert_eq!(history.len(), 2 * MESSAGES, "none is lost");
    for (place, pair) in history.chunks(2).enumerate() {
        let [question, answer] = pair else { unreachable!("questions and answers come in pairs") };
        assert_eq!(*answer, format!("{} {question}", 2 * place + 1), "it saw all that came before it");
    }
    for node in nodes {
        node.shutdown(Duration::from_secs(5)).await;
    }
    let page = UsagePage { before: None, limit: 10_000 };
    assert_eq!(store.usage_records(UsageFilter::default(), page).await.unwrap().len(), MESSAGES);
}

async fn a_node_goes_on_where_the_other_has_ended([one, other, _]: [Arc<dyn Store>; 3]) {
    let (one, other) = (node(one, Counting).await, node(other, Counting).await);
    for (number, node) in [&one, &other, &one, &one, &other].into_iter().enumerate() {
        let text = soon(node.process(said("x"))).await.unwrap().text;
        assert_eq!(text, format!("{} x", 2 * number + 1));
    }
    soon(one.process(said("/clear"))).await.unwrap();
    assert_eq!(soon(other.process(said("x"))).await.unwrap().text, "1 x");
    soon(one.delete_session(&key())).await.unwrap();
    assert_eq!(soon(one.delete_session(&key())).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(soon(other.process(said("x"))).await.unwrap().text, "1 x");
}

#[tokio::test(start_paused = true)]
async fn a_message_waits_for_another_node_and_then_gives_up() {
    let (store, go_on) = (MemoryStore::shared_by_nodes(), Arc::new(Notify::new()));
    let held = || Script::new([Step::say("half"), Step::WaitFor(Arc::clone(&go_on))]);
    let clock = Arc::new(TokioClock(tokio::time::Instant::now()));
    let one = builder(in_memory(&store), ScriptedProvider::new([held()])).clock(clock.clone()).build().await.unwrap();
    let other = builder(in_memory(&store), Counting).clock(clock).build().await.unwrap();
    let mut stream = one.stream(said("hello")).await.unwrap();
    assert!(matches!(soon(stream.next()).await, Some(ReplyEvent::Delta(_))));
    // Longer than a claim lasts: it is renewed.
    tokio::time::sleep(Duration::from_secs(45)).await;
    let refused = soon(other.process(said("hello"))).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::SessionBusy);
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(1)));
    assert_eq!(soon(other.delete_session(&key())).await.unwrap_err().kind(), ErrorKind::SessionBusy);
    let (reply, ()) = tokio::join!(other.process(said("hello")), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        go_on.notify_one();
    });
    assert_eq!(reply.unwrap().text, "3 hello");
    assert_eq!(soon(stream.finish()).await.unwrap().text, "half");
}

fn manager(store: &MemoryStore, node: NodeId, tasks: &TaskTracker) -> SessionManager {
    let (clock, settings) = (Arc::new(SystemClock), SessionSettings::default());
    SessionManager::new(Arc::new(store.clone()), clock, settings, node, tasks.clone())
}

async fn is_free(store: &MemoryStore) -> bool {
    let now = SystemClock.now();
    let request = ClaimRequest { node: NodeId::new(), now, until: now };
    store.shared().unwrap().claim(&key(), "user", request).await.unwrap() != Claim::Busy
}

#[tokio::test]
async fn a_lane_that_ends_without_a_commit_lets_its_session_go() {
    let (store, tasks) = (MemoryStore::shared_by_nodes(), TaskTracker::new());
    let sessions = manager(&store, NodeId::new(), &tasks);
    let lane = soon(sessions.hold(&key(), "user", 10)).await.unwrap();
    assert!(lane.session().unwrap().fence > 0);
    assert!(!is_free(&store).await);
    drop(lane);
    tasks.close();
    soon(tasks.wait()).await;
    assert!(is_free(&store).await);
}

#[tokio::test]
async fn who_goes_away_while_waiting_for_a_node_keeps_nothing() {
    let (store, tasks) = (MemoryStore::shared_by_nodes(), TaskTracker::new());
    let (one, other) = (manager(&store, NodeId::new(), &tasks), manager(&store, NodeId::new(), &tasks));
    let lane = soon(one.hold(&key(), "user", 10)).await.unwrap();
    let waits = tokio::time::timeout(Duration::from_millis(30), other.hold(&key(), "user", 10)).await;
    assert!(waits.is_err());
    drop(lane);
    tasks.close();
    soon(tasks.wait()).await;
    assert!(is_free(&store).await);
}

/// The claim is taken over while a turn runs, as from a node that was suspended for long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_whose_claim_was_taken_goes_on_top_of_what_is_there() {
    let (store, go_on) = (MemoryStore::shared_by_nodes(), Arc::new(Notify::new()));
    let script = Script::new([Step::say("half"), Step::WaitFor(Arc::clone(&go_on))]);
    let one = node(in_memory(&store), ScriptedProvider::new([script])).await;
    let other = node(in_memory(&store), Counting).await;
    let mut stream = one.stream(said("late")).await.unwrap();
    assert!(matches!(soon(stream.next()).await, Some(ReplyEvent::Delta(_))));
    let begun = store.lost_turns(Timestamp::from_millis(i64::MAX), 10).await.unwrap();
    assert_eq!(begun.len(), 1);
    // As if the time of the claim was over.
    let far = SystemClock.now().plus(Duration::from_secs(60));
    let request = ClaimRequest { node: NodeId::new(), now: far, until: far };
    let Claim::Held { session, fence, .. } = store.shared().unwrap().claim(&key(), "user", request).await.unwrap()
    else {
        unreachable!("the claim is over")
    };
    store.shared().unwrap().release(session, fence).await.unwrap();
    assert_eq!(soon(other.process(said("quick"))).await.unwrap().text, "1 quick");
    go_on.notify_one();
    let reply = soon(stream.finish()).await.unwrap();
    assert_eq!((reply.receipt.message_count, reply.receipt.history_length), (2, 4));
    assert_eq!(soon(other.process(said("next"))).await.unwrap().text, "5 next");
    store.health().await.unwrap();
}
