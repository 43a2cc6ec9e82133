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

use arash_core::ai::{AiErrorKind, estimate_tokens};
use arash_core::clock::{Clock, Timestamp};
use arash_core::id::TurnId;
use arash_core::money::{Micros, Price};
use arash_core::platform::ModelInfo;
use arash_core::quota::{Allowance, Period};
use arash_core::team::Principal;
use arash_core::testing::{ManualClock, Script, ScriptedProvider, Step};
use arash_core::turn::{IdempotencyKey, Recorder, RecorderSettings, TurnCommit, TurnState};
use arash_core::usage::{TokenUsage, TurnKind, UsageFilter, UsagePage, UsageRecord};
use arash_core::{Engine, EngineBuilder, Error, ErrorKind, IncomingMessage, ReplyEvent, TurnRequest};
use engines::{builder, caller, engine, request};
use faulty::{Plan, faulty};
use stores::TestStore;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

on_each_store! {
    a_turn_that_a_crash_cut_off_is_recorded_and_its_key_is_free
    a_node_that_was_suspended_records_nothing_twice
    no_piece_is_read_before_the_turn_is_recorded_as_begun
    a_stream_that_cannot_be_begun_fails_without_a_word
    a_slow_whole_answer_is_begun_and_a_quick_one_is_not
    a_whole_answer_does_without_its_beginning
    a_beginning_whose_answer_was_lost_is_ended
    a_beginning_that_is_written_late_is_ended
    a_repeated_request_elsewhere_waits_for_the_first
    a_command_is_read_when_it_is_recorded
    while_storage_is_away_nobody_is_let_in
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

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_millis(1_762_000_200_000)))
}

fn at(clock: &Arc<ManualClock>, store: &TestStore, provider: &ScriptedProvider) -> EngineBuilder {
    let price = Price { prompt_micros_per_million: 1_000_000, completion_micros_per_million: 2_000_000 };
    let mut model = ModelInfo::new("test/one");
    model.price = price;
    builder(store, provider).clock(Arc::<ManualClock>::clone(clock)).model(model)
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

/// An engine whose program died amid an answer, which somebody was reading.
fn crash(
    store: &TestStore,
    clock: &Arc<ManualClock>,
    script: Script,
    ask: impl FnOnce(&Arc<Principal>) -> TurnRequest + Send,
) {
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let engine = at(clock, store, &ScriptedProvider::new([script])).build().await.unwrap();
                let principal = caller(&engine, "crashed", Some(1), None).await;
                let mut stream = engine.stream(ask(&principal)).await.unwrap();
                assert!(matches!(soon(stream.next()).await, Some(ReplyEvent::Delta(_))));
                // Nothing of it is dropped in order.
                std::mem::forget(engine);
            });
            runtime.shutdown_background();
        });
    });
}

async fn a_turn_that_a_crash_cut_off_is_recorded_and_its_key_is_free(store: TestStore) {
    let clock = clock();
    let script = Script::new([Step::say("half an answer"), Step::Hang]);
    crash(&store, &clock, script, |principal| request(principal, "chat", "hello").idempotency_key(key("one")));
    let store = store.reopen().await;
    assert!(records(&store).await.is_empty());
    assert_eq!(running(&store).await.len(), 1);
    clock.advance(Duration::from_secs(61));
    let engine = at(&clock, &store, &ScriptedProvider::default()).build().await.unwrap();
    until(async || !records(&store).await.is_empty()).await;
    let rows = records(&store).await;
    let UsageRecord { success, error, tokens, cost, kind, .. } = &rows[0];
    assert_eq!((rows.len(), *success, error.as_deref(), *kind), (1, false, Some("unavailable"), TurnKind::Stream));
    assert!(tokens.estimated && tokens.prompt_tokens > 0, "{tokens:?}");
    assert_eq!(*cost, Micros(tokens.prompt_tokens as i64));
    assert!(running(&store).await.is_empty());
    assert_eq!(engine.usage().report(UsageFilter::default(), 1).await.unwrap().totals.requests, 1);
    assert_eq!(store.store.find_turn(&key("one")).await.unwrap(), None);
    engine.quotas().upkeep().await.unwrap();
    let teams = store.store.keys(None, arash_core::team::PageAfter { after: 0, limit: 10 }).await.unwrap();
    let principal = Arc::new(Principal::new(teams[0].clone()));
    assert_eq!(used(&engine, &principal).await, 0, "who got no answer has his request back");
    let again = engine.process(request(&principal, "chat", "hello").idempotency_key(key("one"))).await.unwrap();
    assert!(!again.receipt.replayed);
    assert_eq!(used(&engine, &principal).await, 1);
    engine.shutdown(Duration::from_secs(5)).await;
}

/// Time stands still while anything is to be done.
#[tokio::test(start_paused = true)]
async fn a_turn_is_swept_while_an_engine_runs() {
    let (store, clock) = (stores::memory(), clock());
    let script = Script::new([Step::say("half an answer"), Step::Hang]);
    crash(&store, &clock, script, |principal| request(principal, "chat", "hello"));
    let engine = at(&clock, &store, &ScriptedProvider::default()).build().await.unwrap();
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert!(records(&store).await.is_empty(), "its lease is not over");
    clock.advance(Duration::from_secs(31));
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(records(&store).await.len(), 1);
    engine.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_is_renewed_with_what_it_used() {
    let (store, clock, go_on) = (stores::memory(), clock(), Arc::new(Notify::new()));
    let engine = at(&clock, &store, &ScriptedProvider::new([waiting("much was said", &go_on)])).build().await.unwrap();
    let mut stream = engine.stream(said("hello")).await.unwrap();
    assert!(matches!(soon(stream.next()).await, Some(ReplyEvent::Delta(_))));
    let began = running(&store).await.remove(0);
    assert_eq!((began.usage.tokens.completion_tokens, began.usage.success), (0, false));
    clock.advance(Duration::from_secs(20));
    until(async || running(&store).await.iter().any(|turn| turn.lease_until > began.lease_until)).await;
    let renewed = running(&store).await.remove(0);
    let expected = TokenUsage { completion_tokens: estimate_tokens("much was said"), ..began.usage.tokens };
    assert_eq!(renewed.usage.tokens, expected);
    let cost = expected.prompt_tokens + 2 * expected.completion_tokens;
    assert_eq!(renewed.usage.cost, Micros(cost as i64), "at the model's price");
    go_on.notify_one();
    soon(stream.finish()).await.unwrap();
    assert!(running(&store).await.is_empty());
    assert_eq!(records(&store).await.len(), 1);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_node_that_was_suspended_records_nothing_twice(store: TestStore) {
    let (clock, go_on) = (clock(), Arc::new(Notify::new()));
    let provider = ScriptedProvider::new([Script::saying("first"), waiting("half", &go_on), Script::saying("third")]);
    let suspended = at(&clock, &store, &provider).build().await.unwrap();
    let principal = caller(&suspended, "patient", Some(5), None).await;
    suspended.process(request(&principal, "chat", "one")).await.unwrap();
    let mut stream = suspended.stream(request(&principal, "chat", "two")).await.unwrap();
    assert!(matches!(soon(stream.next()).await, Some(ReplyEvent::Delta(_))));
    // The upkeep that came with its start may just have renewed the turn: then the next node finds it.
    let mut others = Vec::new();
    while records(&store).await.len() < 2 {
        assert!(others.len() < 20, "nobody found the turn");
        clock.advance(Duration::from_secs(31));
        others.push(at(&clock, &store, &ScriptedProvider::default()).build().await.unwrap());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    go_on.notify_one();
    let late = soon(stream.finish()).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Unavailable);
    assert!(late.to_string().contains("lost"), "{late}");
    let rows = records(&store).await;
    assert_eq!(rows.iter().map(|row| row.success).collect::<Vec<_>>(), [false, true]);
    assert_eq!(used(&suspended, &principal).await, 1);
    // What was said in vain is no part of the conversation, on neither node.
    let next = soon(suspended.process(request(&principal, "chat", "three"))).await.unwrap();
    assert_eq!((next.receipt.message_count, next.receipt.history_length), (2, 4));
    others.push(suspended);
    for node in others {
        node.shutdown(Duration::from_secs(5)).await;
    }
}

/// The clock leaps, as after a suspension: who comes first to his upkeep must not take his own turns for lost.
#[tokio::test(start_paused = true)]
async fn what_runs_here_is_not_taken_for_lost() {
    let (store, clock, go_on) = (stores::memory(), clock(), Arc::new(Notify::new()));
    let engine = at(&clock, &store, &ScriptedProvider::new([waiting("half", &go_on)])).build().await.unwrap();
    let mut stream = engine.stream(said("hello")).await.unwrap();
    assert!(matches!(soon(stream.next()).await, Some(ReplyEvent::Delta(_))));
    clock.advance(Duration::from_secs(300));
    let far = clock.now();
    until(async || running(&store).await.iter().all(|turn| turn.lease_until > far)).await;
    go_on.notify_one();
    assert_eq!(soon(stream.finish()).await.unwrap().text, "half and the end");
    assert_eq!(records(&store).await.len(), 1);
    engine.shutdown(Duration::from_secs(5)).await;
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
    let Some(ReplyEvent::Delta(text)) = soon(stream.next()).await else { unreachable!("a piece comes first") };
    assert_eq!(&*text, "one two ", "what was gathered comes as soon as it may, though the provider is silent");
    assert_eq!(running(&store).await.len(), 1);
    go_on.notify_one();
    assert_eq!(soon(stream.finish()).await.unwrap().text, "one two three");
    assert_eq!(plan.commit.calls(), 1);
    engine.shutdown(Duration::from_secs(5)).await;
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
    let late = engine(&late_store, &elsewhere).await;
    let ask = || request(&principal, "chat", "hello").idempotency_key(key("one"));
    let begun = hold_begin(&plan);
    let (streamed, answered) = tokio::join!(late.stream(ask()), async {
        until(async || plan.begin.calls() == 1).await;
        let answered = first.process(ask()).await.unwrap();
        begun.notify_one();
        answered
    });
    let mut streamed = streamed.unwrap();
    let Some(ReplyEvent::Delta(text)) = soon(streamed.next()).await else { unreachable!("the text comes first") };
    assert_eq!(&*text, "echo: hello");
    let again = soon(streamed.finish()).await.unwrap();
    assert_eq!((again.receipt.turn_id, again.receipt.replayed), (answered.receipt.turn_id, true));
    assert_eq!(elsewhere.calls(), 0, "only one node asked");
    assert_eq!((records(&store).await.len(), used(&first, &principal).await), (1, 1));
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

async fn while_storage_is_away_nobody_is_let_in(store: TestStore) {
    let (store, plan) = faulty(store);
    let go_on = Arc::new(Notify::new());
    let provider = ScriptedProvider::new([waiting("half", &go_on), Script::saying("well again")]);
    let engine = engine(&store, &provider).await;
    let begun = engine.stream(said("hello")).await.unwrap();
    until(async || running(&store).await.len() == 1).await;
    for faults in [&plan.begin, &plan.commit, &plan.health] {
        faults.is_away.store(true, Ordering::SeqCst);
    }
    go_on.notify_one();
    let began = std::time::Instant::now();
    let mut ends = JoinSet::new();
    ends.spawn(begun.finish());
    until(async || !engine.health().database).await;
    for number in 0..50 {
        let refused = engine.process(IncomingMessage::text("internal", "user", format!("{number}"), "hi"));
        let refused = tokio::time::timeout(Duration::from_millis(500), refused).await.unwrap().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unavailable);
        assert!(refused.retry_after().is_some_and(|after| after.as_secs() <= 2), "{refused:?}");
    }
    assert_eq!(soon(ends.join_next()).await.unwrap().unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(provider.calls(), 1, "nobody was let in");
    for faults in [&plan.begin, &plan.commit, &plan.health] {
        faults.is_away.store(false, Ordering::SeqCst);
    }
    until(async || engine.health().database).await;
    assert_eq!(soon(engine.process(said("hello"))).await.unwrap().text, "well again");
    engine.shutdown(Duration::from_secs(5)).await;
}

/// The end of a turn that nobody else knows of.
fn end() -> TurnCommit {
    let turn_id = TurnId::new();
    let usage = UsageRecord {
        turn_id,
        api_key_id: None,
        team_id: None,
        session_key: None,
        platform: "internal".to_owned(),
        model_used: None,
        kind: TurnKind::Chat,
        tokens: TokenUsage::default(),
        cost: Micros(0),
        success: true,
        response_time: Duration::ZERO,
        error: None,
        created_at: Timestamp::from_millis(1),
    };
    TurnCommit {
        turn_id,
        state: TurnState::Completed,
        is_begun: false,
        idempotency: None,
        receipt: None,
        session: None,
        usage,
        quota: Vec::new(),
        events: Vec::new(),
        touched_key: None,
    }
}

/// Storage does not answer, and each attempt is given up after two seconds.
#[tokio::test(start_paused = true)]
async fn who_waits_for_storage_that_does_not_answer_knows_within_five_seconds() {
    let (store, plan) = faulty(stores::memory());
    for faults in [&plan.begin, &plan.commit] {
        for _ in 0..100 {
            faults.push(async {
                tokio::time::sleep(Duration::from_secs(2)).await;
                Err(Error::unavailable("the test let nothing through"))
            });
        }
    }
    let tasks = TaskTracker::new();
    let recorder = Recorder::start(store.store.clone(), RecorderSettings { max_turns: 500, max_batch: 8 }, &tasks);
    let places: Vec<_> = (0..300).map(|_| recorder.take_place().unwrap()).collect();
    let mut waiting = JoinSet::new();
    for (number, place) in places.into_iter().enumerate() {
        waiting.spawn(async move {
            tokio::time::sleep(Duration::from_millis(37 * number as u64)).await;
            let asked = tokio::time::Instant::now();
            assert_eq!(place.record(end()).await.unwrap_err().kind(), ErrorKind::Unavailable);
            asked.elapsed()
        });
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(recorder.take_place().unwrap_err().kind(), ErrorKind::Unavailable, "the door is shut");
    assert!(!recorder.is_healthy());
    let longest = waiting.join_all().await.into_iter().max().unwrap();
    assert!(longest < Duration::from_secs(5), "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn old_turns_are_deleted_if_asked_for() {
    let (store, clock) = (stores::memory(), clock());
    let day = Duration::from_secs(24 * 3_600);
    let engine = at(&clock, &store, &ScriptedProvider::default()).retention(Some(day)).build().await.unwrap();
    engine.process(said("old")).await.unwrap();
    clock.advance(day);
    engine.process(said("new")).await.unwrap();
    clock.advance(Duration::from_secs(1));
    tokio::time::sleep(Duration::from_secs(3_601)).await;
    assert_eq!(records(&store).await.len(), 1);
    let report = engine.usage().report(UsageFilter::default(), 2).await.unwrap();
    assert_eq!(report.totals.requests, 2, "the sums stay");
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
