//! A store that goes wrong for a moment costs little: nothing that was answered is lost, nobody waits for ever.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails panics, and so does a store")]

#[path = "support/engines.rs"]
mod engines;
#[path = "support/faulty.rs"]
mod faulty;
#[path = "support/stores.rs"]
mod stores;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arash_core::clock::{SystemClock, Timestamp};
use arash_core::command::{CommandCall, CommandContext, CommandHandler, CommandReply, CommandSpec};
use arash_core::quota::{Allowance, Period};
use arash_core::team::{ApiKeys, Authenticator, KeySpec, Principal, TeamSpec, Teams};
use arash_core::testing::{Script, ScriptedProvider, Step};
use arash_core::turn::RecorderSettings;
use arash_core::usage::{UsageFilter, UsagePage, UsageRecord};
use arash_core::{Engine, Error, ErrorKind, ReplyEvent, Result};
use engines::{builder, caller, engine, request};
use faulty::faulty;
use stores::TestStore;
use tokio::sync::Notify;
use tokio::task::JoinSet;

on_each_store! {
    a_store_that_is_away_for_a_moment_loses_no_answer
    a_store_that_is_away_at_shutdown_loses_no_answer
    a_commit_that_panics_costs_its_answer_and_no_other
    a_commit_that_nobody_was_told_of_counts
    a_lease_that_panics_leaves_nobody_waiting
    a_lease_that_fails_is_asked_for_again
    a_slow_lease_serves_all_who_wait_and_holds_up_no_other_team
    a_stale_turn_goes_on_where_only_one_may_run
    a_new_key_that_200_show_at_once_is_read_once
}

on_each_unshared_store! {
    a_session_that_cannot_be_read_costs_nothing
    an_answer_whose_session_cannot_be_read_anew_is_recorded
    two_nodes_that_run_a_command_under_one_idempotency_key_are_both_recorded
}

/// Whatever happens, it happens soon.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), work).await.unwrap()
}

fn away() -> impl Future<Output = Result<()>> {
    std::future::ready(Err(Error::unavailable("the test took the store away")))
}

fn broken() -> impl Future<Output = Result<()>> {
    futures_util::future::lazy(|_| -> Result<()> { panic!("the test broke the store") })
}

async fn records(store: &TestStore) -> Vec<UsageRecord> {
    store.store.usage_records(UsageFilter::default(), UsagePage { before: None, limit: 1_000 }).await.unwrap()
}

async fn used(engine: &Engine, principal: &Principal) -> u64 {
    engine.quotas().standing(&Allowance::of(principal), Period::Daily).await.unwrap().used
}

async fn a_store_that_is_away_for_a_moment_loses_no_answer(store: TestStore) {
    let (store, plan) = faulty(store);
    let provider = ScriptedProvider::new([Script::new([Step::say("a whole "), Step::say("paid answer")])]);
    let engine = engine(&store, &provider).await;
    let principal = caller(&engine, "patient", Some(5), None).await;
    plan.commit.push(away());
    let mut stream = engine.stream(request(&principal, "chat", "hello")).await.unwrap();
    let (mut read, mut is_done) = (String::new(), false);
    while let Some(event) = soon(stream.next()).await {
        match event {
            ReplyEvent::Delta(text) => read.push_str(&text),
            end => is_done = matches!(end, ReplyEvent::Done(_)),
        }
    }
    assert_eq!((read.as_str(), is_done), ("a whole paid answer", true));
    assert_eq!((records(&store).await.len(), used(&engine, &principal).await), (1, 1));
    assert_eq!(plan.commit.calls(), 2);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_store_that_is_away_at_shutdown_loses_no_answer(store: TestStore) {
    let (store, plan) = faulty(store);
    let engine = engine(&store, &ScriptedProvider::default()).await;
    for _ in 0..3 {
        plan.commit.push(away());
    }
    let stream = engine.stream(arash_core::IncomingMessage::text("internal", "user", "chat", "hi")).await.unwrap();
    soon(engine.shutdown(Duration::from_secs(5))).await;
    assert_eq!(soon(stream.finish()).await.unwrap().text, "echo: hi");
    let store = store.reopen().await;
    assert_eq!(records(&store).await.len(), 1);
}

/// The store writes the turn, and every answer of it is lost: the request has used the quota.
async fn a_commit_that_nobody_was_told_of_counts(store: TestStore) {
    let (store, plan) = faulty(store);
    let engine = engine(&store, &ScriptedProvider::default()).await;
    let principal = caller(&engine, "unlucky", Some(1), None).await;
    plan.commit.lost_answers.store(usize::MAX, Ordering::SeqCst);
    let unknown = soon(engine.process(request(&principal, "chat", "hello"))).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::Unavailable);
    plan.commit.lost_answers.store(0, Ordering::SeqCst);
    let refused = soon(async {
        loop {
            let refused = engine.process(request(&principal, "chat", "hello")).await.unwrap_err();
            if refused.kind() != ErrorKind::Unavailable {
                return refused;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert_eq!(refused.await.kind(), ErrorKind::QuotaExceeded);
    assert_eq!((records(&store).await.len(), used(&engine, &principal).await), (1, 1));
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_commit_that_panics_costs_its_answer_and_no_other(store: TestStore) {
    let (store, plan) = faulty(store);
    let engine = engine(&store, &ScriptedProvider::default()).await;
    let principal = caller(&engine, "unlucky", Some(1), None).await;
    plan.commit.push(broken());
    let lost = soon(engine.process(request(&principal, "chat", "hello"))).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::Internal);
    assert_eq!((records(&store).await.len(), used(&engine, &principal).await), (0, 0));
    assert!(!engine.health().database, "storage that takes no turns is not well");
    let next = soon(engine.process(request(&principal, "chat", "hello"))).await.unwrap();
    assert_eq!(next.receipt.message_count, 1, "what was lost is not taken for something that was said");
    assert!(engine.health().database);
    assert_eq!((records(&store).await.len(), used(&engine, &principal).await), (1, 1));
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_lease_that_panics_leaves_nobody_waiting(store: TestStore) {
    let (store, plan) = faulty(store);
    let engine = engine(&store, &ScriptedProvider::default()).await;
    let principal = caller(&engine, "unlucky", Some(5), None).await;
    plan.lease.push(broken());
    let refused = soon(engine.process(request(&principal, "chat", "hello"))).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Internal);
    soon(engine.process(request(&principal, "chat", "hello"))).await.unwrap();
    assert_eq!(used(&engine, &principal).await, 1);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_lease_that_fails_is_asked_for_again(store: TestStore) {
    let (store, plan) = faulty(store);
    let engine = engine(&store, &ScriptedProvider::default()).await;
    let principal = caller(&engine, "unlucky", Some(1), None).await;
    plan.lease.push(away());
    let refused = soon(engine.process(request(&principal, "chat", "hello"))).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    soon(engine.process(request(&principal, "chat", "hello"))).await.unwrap();
    assert_eq!((records(&store).await.len(), used(&engine, &principal).await), (1, 1));
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_slow_lease_serves_all_who_wait_and_holds_up_no_other_team(store: TestStore) {
    let (store, plan) = faulty(store);
    let engine = engine(&store, &ScriptedProvider::default()).await;
    let waiting = caller(&engine, "waiting", Some(20), None).await;
    let other = caller(&engine, "other", Some(1), None).await;
    let go_on = Arc::new(Notify::new());
    let gate = Arc::clone(&go_on);
    plan.lease.push(async move {
        gate.notified().await;
        Ok(())
    });
    let mut tasks = JoinSet::new();
    for number in 0..20 {
        let (engine, request) = (engine.clone(), request(&waiting, &format!("chat-{number}"), "hello"));
        tasks.spawn(async move { engine.process(request).await });
    }
    while plan.lease.calls() == 0 {
        tokio::task::yield_now().await;
    }
    soon(engine.process(request(&other, "chat", "hello"))).await.unwrap();
    assert_eq!(used(&engine, &waiting).await, 0);
    go_on.notify_one();
    for result in soon(tasks.join_all()).await {
        result.unwrap();
    }
    assert_eq!(used(&engine, &waiting).await, 20);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_session_that_cannot_be_read_costs_nothing(store: TestStore) {
    let (store, plan) = faulty(store);
    let engine = engine(&store, &ScriptedProvider::default()).await;
    let principal = caller(&engine, "unlucky", Some(1), None).await;
    plan.load.push(away());
    let refused = soon(engine.process(request(&principal, "chat", "hello"))).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert_eq!((records(&store).await.len(), used(&engine, &principal).await), (0, 0));
    soon(engine.process(request(&principal, "chat", "hello"))).await.unwrap();
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn an_answer_whose_session_cannot_be_read_anew_is_recorded(store: TestStore) {
    let (store, plan) = faulty(store);
    let go_on = Arc::new(Notify::new());
    let waits = Script::new([Step::say("two"), Step::WaitFor(Arc::clone(&go_on))]);
    let engine = engine(&store, &ScriptedProvider::new([Script::saying("one"), waits])).await;
    let principal = caller(&engine, "unlucky", Some(5), None).await;
    let first = engine.process(request(&principal, "chat", "hello")).await.unwrap();
    let stream = engine.stream(request(&principal, "chat", "hello")).await.unwrap();
    // Deleted by another program, which knows nothing of this one's turn.
    let key = engine.session_key(&first.receipt.session_id).unwrap();
    assert!(store.store.delete_session(&key, Timestamp::default()).await.unwrap());
    plan.load.push(away());
    go_on.notify_one();
    assert_eq!(soon(stream.finish()).await.unwrap_err().kind(), ErrorKind::Conflict);
    let rows = records(&store).await;
    assert_eq!(rows.iter().map(|row| row.success).collect::<Vec<_>>(), [false, true]);
    assert_eq!(used(&engine, &principal).await, 1, "the caller got no answer, so it costs no quota");
    engine.shutdown(Duration::from_secs(5)).await;
}

/// The turn whose commit was refused needs a place to try again, which no one who waits for its session may hold.
async fn a_stale_turn_goes_on_where_only_one_may_run(store: TestStore) {
    let go_on = Arc::new(Notify::new());
    let waits = Script::new([Step::WaitFor(Arc::clone(&go_on)), Step::say("two")]);
    let provider = ScriptedProvider::new([Script::saying("one"), waits, Script::saying("three")]);
    let settings = RecorderSettings { max_turns: 1, max_batch: 1 };
    let engine = builder(&store, &provider).recorder(settings).build().await.unwrap();
    let principal = caller(&engine, "alone", None, None).await;
    let first = engine.process(request(&principal, "chat", "first")).await.unwrap();
    let second = engine.stream(request(&principal, "chat", "second")).await.unwrap();
    let third = engine.process(request(&principal, "chat", "third"));
    tokio::pin!(third);
    assert!(futures_util::poll!(&mut third).is_pending());
    let key = engine.session_key(&first.receipt.session_id).unwrap();
    assert!(store.store.delete_session(&key, Timestamp::default()).await.unwrap());
    go_on.notify_one();
    assert_eq!(soon(second.finish()).await.unwrap().receipt.message_count, 1, "in a new session");
    assert_eq!(soon(third).await.unwrap().receipt.message_count, 2);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_new_key_that_200_show_at_once_is_read_once(store: TestStore) {
    let (store, plan) = faulty(store);
    let clock = Arc::new(SystemClock);
    let authenticator = Arc::new(Authenticator::new(store.store.clone(), clock.clone()));
    let teams = Teams::new(store.store.clone(), Arc::clone(&authenticator), clock.clone());
    let team = teams.create(TeamSpec::named("team")).await.unwrap();
    let keys = ApiKeys::new(store.store.clone(), Arc::clone(&authenticator), clock);
    let issued = keys.create(KeySpec::new(team.id, "key")).await.unwrap();
    let go_on = Arc::new(Notify::new());
    let gate = Arc::clone(&go_on);
    plan.key_by_digest.push(async move {
        gate.notified().await;
        Ok(())
    });
    let mut tasks = JoinSet::new();
    for _ in 0..200 {
        let (authenticator, key) = (Arc::clone(&authenticator), issued.secret.expose().to_owned());
        tasks.spawn(async move { authenticator.authenticate(&key).await });
    }
    while plan.key_by_digest.calls() == 0 {
        tokio::task::yield_now().await;
    }
    go_on.notify_one();
    for result in soon(tasks.join_all()).await {
        result.unwrap();
    }
    assert_eq!(plan.key_by_digest.calls(), 1);
}

/// A command that answers at once, or when it is let go.
struct Waits(Option<Arc<Notify>>);

#[async_trait::async_trait]
impl CommandHandler for Waits {
    fn spec(&self) -> CommandSpec {
        CommandSpec::new("wait", "Waits.")
    }

    async fn run(&self, _call: CommandCall<'_>, _context: CommandContext<'_>) -> Result<CommandReply> {
        if let Some(go_on) = &self.0 {
            go_on.notified().await;
        }
        Ok(CommandReply::text("waited"))
    }
}

/// A command under the idempotency key that both nodes use.
async fn begun(engine: &Engine, principal: &Arc<Principal>, chat: &str, text: &str) -> arash_core::ReplyStream {
    let key = arash_core::turn::IdempotencyKey::new("key:1:chat", "same").unwrap();
    engine.stream(request(principal, chat, text).idempotency_key(key)).await.unwrap()
}

/// Commands are quick: they are not written as begun, so both run.
async fn two_nodes_that_run_a_command_under_one_idempotency_key_are_both_recorded(store: TestStore) {
    let go_on = Arc::new(Notify::new());
    let node = async |waits| builder(&store, &ScriptedProvider::default()).command(Waits(waits)).build().await.unwrap();
    let (first, same, other) =
        (node(None).await, node(Some(Arc::clone(&go_on))).await, node(Some(Arc::clone(&go_on))).await);
    let principal = caller(&first, "twice", Some(10), None).await;
    // Both begin before the first is done, so that neither finds its result.
    let (repeated, different) = (
        begun(&same, &principal, "chat", "/wait").await,
        begun(&other, &principal, "other chat", "/wait for something else").await,
    );
    let answered = begun(&first, &principal, "chat", "/wait").await.finish().await.unwrap();
    go_on.notify_waiters();
    go_on.notify_one();
    let again = soon(repeated.finish()).await.unwrap();
    assert!(again.receipt.replayed);
    assert_eq!((again.text, again.receipt.turn_id), (answered.text, answered.receipt.turn_id));
    go_on.notify_one();
    assert_eq!(soon(different.finish()).await.unwrap_err().kind(), ErrorKind::IdempotencyMismatch);
    let rows = records(&store).await;
    assert_eq!(rows.len(), 3, "every answer that was made is recorded");
    assert_eq!(rows.iter().filter(|row| row.success).count(), 1);
    for node in [same, other] {
        node.shutdown(Duration::from_secs(5)).await;
    }
}

/// What a back end has to do for itself (tables of weeks, a log that holds what was deleted) is done without anyone asking.
#[tokio::test(start_paused = true)]
async fn an_engine_keeps_its_store() {
    let (store, plan) = faulty(stores::memory());
    let engine = engine(&store, &ScriptedProvider::default()).await;
    plan.upkeep.push(away());
    tokio::time::sleep(Duration::from_secs(95)).await;
    assert!((3..=5).contains(&plan.upkeep.calls()), "{} times, though it failed once", plan.upkeep.calls());
    engine.shutdown(Duration::from_secs(5)).await;
}
