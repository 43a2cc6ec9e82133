//! Turns are known before they end: nothing that was said is forgotten by a crash, and nothing is recorded twice.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails panics")]

#[path = "support/engines.rs"]
mod engines;
#[path = "support/faulty.rs"]
mod faulty;
#[path = "support/stores.rs"]
mod stores;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arash_core::ai::AiErrorKind;
use arash_core::clock::Timestamp;
use arash_core::quota::{Allowance, Period};
use arash_core::team::Principal;
use arash_core::testing::{Script, ScriptedProvider, Step};
use arash_core::turn::IdempotencyKey;
use arash_core::usage::{TokenUsage, TurnKind, UsageFilter, UsagePage, UsageRecord};
use arash_core::{Engine, Error, ErrorKind, IncomingMessage, Platform, ReplyEvent, TurnRequest};
use engines::{caller, engine, request};
use faulty::{Plan, faulty};
use stores::TestStore;
use tokio::sync::Notify;

on_each_store! {
    no_piece_is_read_before_the_turn_is_recorded_as_begun
    a_stream_that_cannot_be_begun_fails_without_a_word
    a_slow_whole_answer_is_begun_and_a_quick_one_is_not
    a_whole_answer_does_without_its_beginning
    a_beginning_whose_answer_was_lost_is_ended
    a_beginning_that_is_written_late_is_ended
    a_repeated_request_elsewhere_waits_for_the_first
    a_command_is_read_when_it_is_recorded
    streams_that_are_dropped_anywhere_are_recorded_once
}

on_each_unshared_store! {
    a_repeated_request_that_races_gets_the_first_result
}

/// Whatever happens, it happens soon.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work).await.unwrap()
}

/// Waits for what the engine does by itself.
async fn until<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) {
    soon(async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

fn said(text: &str) -> IncomingMessage {
    IncomingMessage::text("internal", "user", "chat", text)
}

fn key(name: &str) -> IdempotencyKey {
    IdempotencyKey::new("key:1:chat", name).unwrap()
}

/// Says something and then waits to be let go.
fn waiting(text: &str, go_on: &Arc<Notify>) -> Script {
    Script::new([Step::say(text), Step::WaitFor(Arc::clone(go_on)), Step::say(" and the end")])
}

async fn records(store: &TestStore) -> Vec<UsageRecord> {
    store.store.usage_records(UsageFilter::default(), UsagePage { before: None, limit: 10_000 }).await.unwrap()
}

async fn used(engine: &Engine, principal: &Principal) -> u64 {
    engine.quotas().standing(&Allowance::of(principal), Period::Daily).await.unwrap().used
}

/// The turns that are written as begun.
async fn running(store: &TestStore) -> Vec<arash_core::turn::StartedTurn> {
    store.store.lost_turns(Timestamp::from_millis(i64::MAX), 100).await.unwrap()
}

/// Makes the next begin wait to be let go.
fn hold_begin(plan: &Plan) -> Arc<Notify> {
    let go_on = Arc::new(Notify::new());
    let gate = Arc::clone(&go_on);
    plan.begin.push(async move {
        gate.notified().await;
        Ok(())
    });
    go_on
}

async fn no_piece_is_read_before_the_turn_is_recorded_as_begun(store: TestStore) {
    let (store, plan) = faulty(store);
    let go_on = Arc::new(Notify::new());
    let script =
        Script::new([Step::say("one "), Step::say("two "), Step::WaitFor(Arc::clone(&go_on)), Step::say("three")]);
    let provider = ScriptedProvider::new([script]);
    let engine = engine(&store, &provider).await;
    let begun = hold_begin(&plan);
    let mut stream = engine.stream(said("hello")).await.unwrap();
    until(async || provider.running() == 1 && plan.begin.calls() == 1).await;
    let early = tokio::time::timeout(Duration::from_millis(50), stream.next()).await;
    assert!(early.is_err(), "{early:?}");
    begun.notify_one();
    for expected in ["one ", "two "] {
        let Some(ReplyEvent::Delta(text)) = soon(stream.next()).await else { unreachable!("a piece comes first") };
        assert_eq!(&*text, expected, "what was gathered comes as soon as it may, though the provider is silent");
    }
    assert_eq!(running(&store).await.len(), 1);
    go_on.notify_one();
    assert_eq!(soon(stream.finish()).await.unwrap().text, "one two three");
    assert_eq!(plan.commit.calls(), 1);
    engine.shutdown(Duration::from_secs(5)).await;
    assert_eq!(records(&store.reopen().await).await.len(), 1, "it is there after a restart too");
}

async fn a_stream_that_cannot_be_begun_fails_without_a_word(store: TestStore) {
    let (store, plan) = faulty(store);
    let engine = engine(&store, &ScriptedProvider::new([Script::saying("never read")])).await;
    let principal = caller(&engine, "unlucky", Some(1), None).await;
    plan.begin.push(async { Err(Error::internal("the test broke the beginning")) });
    let mut stream = engine.stream(request(&principal, "chat", "hello")).await.unwrap();
    let Some(ReplyEvent::Failed(error)) = soon(stream.next()).await else { unreachable!("nothing is said") };
    assert_eq!(error.kind(), ErrorKind::Internal);
    let rows = records(&store).await;
    assert_eq!((rows.len(), rows[0].success), (1, false), "the provider was asked");
    assert_eq!(used(&engine, &principal).await, 0);
    let reply = soon(engine.process(request(&principal, "chat", "hello"))).await.unwrap();
    assert_eq!(reply.receipt.message_count, 1);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_slow_whole_answer_is_begun_and_a_quick_one_is_not(store: TestStore) {
    let (store, plan) = faulty(store);
    let go_on = Arc::new(Notify::new());
    let provider = ScriptedProvider::new([Script::saying("quick"), waiting("slow", &go_on)]);
    let engine = engine(&store, &provider).await;
    soon(engine.process(said("hello"))).await.unwrap();
    assert_eq!(plan.begin.calls(), 0);
    let slow = engine.process(said("hello"));
    let check = async {
        until(async || running(&store).await.len() == 1).await;
        assert_eq!(running(&store).await[0].usage.kind, TurnKind::Chat);
        go_on.notify_one();
    };
    let (reply, ()) = tokio::join!(slow, check);
    assert_eq!(reply.unwrap().text, "slow and the end");
    assert_eq!((plan.begin.calls(), plan.commit.calls()), (1, 2));
    assert_eq!(records(&store).await.len(), 2);
    assert!(running(&store).await.is_empty());
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_whole_answer_does_without_its_beginning(store: TestStore) {
    let (store, plan) = faulty(store);
    let go_on = Arc::new(Notify::new());
    let engine = engine(&store, &ScriptedProvider::new([waiting("slow", &go_on)])).await;
    plan.begin.push(async { Err(Error::internal("the test broke the beginning")) });
    let check = async {
        until(async || plan.begin.calls() == 1).await;
        go_on.notify_one();
    };
    let (reply, ()) = tokio::join!(engine.process(said("hello")), check);
    assert_eq!(reply.unwrap().text, "slow and the end");
    let rows = records(&store).await;
    assert_eq!((rows.len(), rows[0].success), (1, true));
    engine.shutdown(Duration::from_secs(5)).await;
}

/// Whole and streamed: the beginning is written, its answer never comes, and the turn ends all the same.
async fn a_beginning_whose_answer_was_lost_is_ended(store: TestStore) {
    let (store, plan) = faulty(store);
    let go_on = Arc::new(Notify::new());
    let provider = ScriptedProvider::new([waiting("slow", &go_on), waiting("streamed", &go_on)]);
    let engine = engine(&store, &provider).await;
    // The first attempt of each is lost; the second finds that it was written.
    plan.begin.lost_answers.store(1, Ordering::SeqCst);
    let check = async {
        until(async || running(&store).await.len() == 1 && plan.begin.calls() == 2).await;
        go_on.notify_one();
    };
    let (reply, ()) = tokio::join!(engine.process(said("hello")), check);
    assert_eq!(reply.unwrap().text, "slow and the end");
    plan.begin.lost_answers.store(1, Ordering::SeqCst);
    let stream = engine.stream(said("hello")).await.unwrap();
    until(async || running(&store).await.len() == 1).await;
    go_on.notify_one();
    assert_eq!(soon(stream.finish()).await.unwrap().text, "streamed and the end");
    assert_eq!(records(&store).await.len(), 2);
    assert!(running(&store).await.is_empty());
    engine.shutdown(Duration::from_secs(5)).await;
}

/// The turn ends while its beginning is on its way: nobody knows yet whether it is written.
async fn a_beginning_that_is_written_late_is_ended(store: TestStore) {
    let (store, plan) = faulty(store);
    let go_on = Arc::new(Notify::new());
    let engine = engine(&store, &ScriptedProvider::new([waiting("slow", &go_on)])).await;
    let begun = hold_begin(&plan);
    let check = async {
        until(async || plan.begin.calls() == 1).await;
        go_on.notify_one();
        tokio::time::sleep(Duration::from_millis(20)).await;
        begun.notify_one();
    };
    let (reply, ()) = tokio::join!(engine.process(said("hello")), check);
    assert_eq!(reply.unwrap().text, "slow and the end");
    assert_eq!(plan.commit.calls(), 2, "the first time it was not known to be begun");
    let rows = records(&store).await;
    assert_eq!((rows.len(), rows[0].success), (1, true));
    assert!(running(&store).await.is_empty());
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_repeated_request_elsewhere_waits_for_the_first(store: TestStore) {
    let go_on = Arc::new(Notify::new());
    let first = engine(&store, &ScriptedProvider::new([waiting("half", &go_on)])).await;
    let elsewhere = ScriptedProvider::default();
    let other = engine(&store, &elsewhere).await;
    let ask = || TurnRequest::new(said("hello")).idempotency_key(key("one"));
    let stream = first.stream(ask()).await.unwrap();
    for _ in 0..2 {
        let refused = soon(other.process(ask())).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::IdempotencyInProgress);
        assert!(refused.retry_after().is_some());
    }
    assert_eq!(soon(other.stream(ask())).await.unwrap_err().kind(), ErrorKind::IdempotencyInProgress);
    go_on.notify_one();
    let answered = soon(stream.finish()).await.unwrap();
    let again = soon(other.process(ask())).await.unwrap();
    assert_eq!((again.receipt.turn_id, again.receipt.replayed), (answered.receipt.turn_id, true));
    let different = TurnRequest::new(said("something else")).idempotency_key(key("one"));
    assert_eq!(soon(other.process(different)).await.unwrap_err().kind(), ErrorKind::IdempotencyMismatch);
    assert_eq!((elsewhere.calls(), records(&store).await.len()), (0, 1));
    for node in [first, other] {
        node.shutdown(Duration::from_secs(5)).await;
    }
}

/// The second node looks before the first has begun, and begins after it has ended.
async fn a_repeated_request_that_races_gets_the_first_result(store: TestStore) {
    let first = engine(&store, &ScriptedProvider::default()).await;
    let principal = caller(&first, "twice", Some(10), None).await;
    let (late_store, plan) = faulty(TestStore { store: Arc::clone(&store.store), home: stores::Home::Memory });
    let elsewhere = ScriptedProvider::default();
    let platform = Platform::private("internal").models(["test/one"]).rate_limit(1);
    let late = Engine::builder().platform(platform).shared_store(late_store.store).ai(elsewhere.clone());
    let late = late.build().await.unwrap();
    let ask = || request(&principal, "chat", "hello").idempotency_key(key("one"));
    let begun = hold_begin(&plan);
    let (streamed, answered) = tokio::join!(late.stream(ask()), async {
        until(async || plan.begin.calls() == 1).await;
        let answered = first.process(ask()).await.unwrap();
        begun.notify_one();
        answered
    });
    let mut streamed = streamed.unwrap();
    assert_eq!((streamed.turn_id(), streamed.is_replayed()), (answered.receipt.turn_id, true));
    let Some(ReplyEvent::Delta(text)) = soon(streamed.next()).await else { unreachable!("the text comes first") };
    assert_eq!(&*text, "echo: hello");
    let again = soon(streamed.finish()).await.unwrap();
    assert_eq!((again.receipt.turn_id, again.receipt.replayed), (answered.receipt.turn_id, true));
    assert_eq!(elsewhere.calls(), 0, "only one node asked");
    assert_eq!((records(&store).await.len(), used(&first, &principal).await), (1, 1));
    // The repeated one did not count towards the limit of one message a minute either.
    soon(late.process(request(&principal, "other", "hello"))).await.unwrap();
    for node in [first, late] {
        node.shutdown(Duration::from_secs(5)).await;
    }
}

async fn a_command_is_read_when_it_is_recorded(store: TestStore) {
    let (store, plan) = faulty(store);
    let engine = engine(&store, &ScriptedProvider::default()).await;
    let go_on = Arc::new(Notify::new());
    let gate = Arc::clone(&go_on);
    plan.commit.push(async move {
        gate.notified().await;
        Ok(())
    });
    let mut stream = engine.stream(said("/help")).await.unwrap();
    until(async || plan.commit.calls() == 1).await;
    assert!(tokio::time::timeout(Duration::from_millis(30), stream.next()).await.is_err());
    go_on.notify_one();
    let Some(ReplyEvent::Delta(text)) = soon(stream.next()).await else { unreachable!("the text comes first") };
    assert_eq!(records(&store).await.len(), 1);
    assert_eq!(*text, *soon(stream.finish()).await.unwrap().text);
    assert_eq!(plan.begin.calls(), 0);
    engine.shutdown(Duration::from_secs(5)).await;
}

/// However much of it was read, a stream has one record.
async fn streams_that_are_dropped_anywhere_are_recorded_once(store: TestStore) {
    const STREAMS: usize = 1_000;
    const PIECES: usize = 5;
    let told = TokenUsage { prompt_tokens: 7, completion_tokens: 5, estimated: false };
    let script = |number: usize| {
        let mut steps = vec![Step::say("piece "); PIECES];
        match number % 3 {
            0 => steps.push(Step::Usage(told)),
            1 => steps.push(Step::Fail(AiErrorKind::Timeout)),
            _ => {}
        }
        Script::new(steps)
    };
    let provider = ScriptedProvider::new((0..STREAMS).map(script));
    let engine = engine(&store, &provider).await;
    for number in 0..STREAMS {
        let chat = format!("chat-{}", number % 50);
        let mut stream = engine.stream(IncomingMessage::text("internal", "user", chat, "hello")).await.unwrap();
        for _ in 0..number % (PIECES + 2) {
            soon(stream.next()).await;
        }
    }
    until(async || records(&store).await.len() == STREAMS).await;
    assert!(running(&store).await.is_empty());
    let rows = records(&store).await;
    let told_rows = rows.iter().filter(|row| row.tokens == told).count();
    assert_eq!(told_rows, STREAMS.div_ceil(3));
    let estimated = rows.iter().filter(|row| row.tokens.estimated && row.tokens.completion_tokens == 15).count();
    assert_eq!(told_rows + estimated, STREAMS, "where the provider gave no count, it is estimated from what it said");
    assert_eq!(rows.iter().filter(|row| !row.success).count(), STREAMS / 3);
    let mut ids: Vec<_> = rows.iter().map(|row| row.turn_id).collect();
    ids.dedup();
    assert_eq!(ids.len(), STREAMS);
    let report = engine.usage().report(UsageFilter::default(), 1).await.unwrap();
    assert_eq!(report.totals.requests, STREAMS as u64);
    engine.shutdown(Duration::from_secs(5)).await;
}
