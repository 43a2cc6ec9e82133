//! What becomes of turns when the program or its storage goes away: they are recorded once, and callers know soon.
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

use arash_core::ai::estimate_tokens;
use arash_core::clock::{Clock, Timestamp};
use arash_core::id::{EventId, TeamId, TurnId};
use arash_core::money::{Micros, Price};
use arash_core::platform::ModelInfo;
use arash_core::quota::{Allowance, Period};
use arash_core::team::Principal;
use arash_core::testing::{ManualClock, Script, ScriptedProvider, Step};
use arash_core::turn::{IdempotencyKey, Recorder, RecorderSettings, TurnCommit, TurnState};
use arash_core::usage::{TokenUsage, TurnKind, UsageFilter, UsagePage, UsageRecord};
use arash_core::webhook::{DeliveryPage, DeliveryState, Event, EventKind, EventKinds};
use arash_core::{Engine, EngineBuilder, Error, ErrorKind, IncomingMessage, ReplyEvent, TurnRequest};
use engines::{builder, caller, engine, request};
use faulty::faulty;
use stores::TestStore;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

on_each_store! {
    a_turn_that_a_crash_cut_off_is_recorded_and_its_key_is_free
    a_node_that_was_suspended_records_nothing_twice
    while_storage_is_away_nobody_is_let_in
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

fn event(team_id: TeamId) -> Event {
    Event { id: EventId::new(), team_id, kind: EventKind::MessageCompleted, payload: "{}".to_owned() }
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

async fn a_turn_that_a_crash_cut_off_is_recorded_and_its_key_is_free(store: TestStore) {
    let clock = clock();
    let script = Script::new([Step::say("half an answer"), Step::Hang]);
    crash(&store, &clock, script, |principal| {
        let mut owner = principal.owner().clone();
        owner.team.webhook_events = EventKinds::from_iter([EventKind::MessageFailed]);
        request(&Arc::new(Principal::new(owner)), "chat", "hello").idempotency_key(key("one"))
    });
    let store = store.reopen().await;
    assert!(records(&store).await.is_empty());
    let lost = running(&store).await;
    assert_eq!((lost.len(), lost[0].events.len()), (1, 1));
    let event = &lost[0].events[0];
    for part in
        [r#""chat_id":"chat","text":null"#, r#""response":{"success":false,"error":"unavailable","model":"One"}"#]
    {
        assert!(event.payload.contains(part), "{}", event.payload);
    }
    clock.advance(Duration::from_secs(61));
    let engine = at(&clock, &store, &ScriptedProvider::default()).build().await.unwrap();
    until(async || !records(&store).await.is_empty()).await;
    let rows = records(&store).await;
    let UsageRecord { success, error, tokens, cost, kind, .. } = &rows[0];
    assert_eq!((rows.len(), *success, error.as_deref(), *kind), (1, false, Some("unavailable"), TurnKind::Stream));
    assert!(tokens.estimated && tokens.prompt_tokens > 0, "{tokens:?}");
    assert_eq!(*cost, Micros(tokens.prompt_tokens as i64));
    assert!(running(&store).await.is_empty());
    let told = store.store.deliveries(event.team_id, DeliveryPage::first(10)).await.unwrap();
    assert_eq!(
        told.iter().map(|told| (told.event_id, told.kind)).collect::<Vec<_>>(),
        [(event.id, EventKind::MessageFailed)]
    );
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

/// As many as there are, and by themselves: given up, listed for as long, then deleted.
#[tokio::test(start_paused = true)]
async fn old_events_are_forgotten() {
    let (store, clock) = (stores::memory(), clock());
    let day = Duration::from_secs(24 * 3_600);
    let mut cause = end();
    cause.usage.created_at = clock.now();
    cause.events = (0..1_200).map(|_| event(TeamId(1))).collect();
    store.store.commit(&[cause]).await.unwrap();
    let engine = at(&clock, &store, &ScriptedProvider::default()).event_retention(day).build().await.unwrap();
    let log = async |state| {
        let page = DeliveryPage { state: Some(state), ..DeliveryPage::first(10_000) };
        store.store.deliveries(TeamId(1), page).await.unwrap().len()
    };
    for state in [DeliveryState::Pending, DeliveryState::Dead] {
        clock.advance(day);
        tokio::time::sleep(Duration::from_secs(2 * 3_601)).await;
        assert_eq!(log(state).await, 1_200, "their time is not over");
        clock.advance(Duration::from_millis(1));
        tokio::time::sleep(Duration::from_secs(2 * 3_601)).await;
        assert_eq!(log(state).await, 0);
    }
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
    assert!(plan.health.calls() > 1, "storage was looked at again, without anyone asking");
    assert_eq!(soon(engine.process(said("hello"))).await.unwrap().text, "well again");
    engine.shutdown(Duration::from_secs(5)).await;
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
