//! Turns that end in another way than by a whole answer, and answers of a shape that nobody expects: each ends, is
//! recorded once, and leaves the engine as good as it was.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails panics")]

#[path = "support/engines.rs"]
mod engines;
#[path = "support/faulty.rs"]
mod faulty;
#[path = "support/stores.rs"]
mod stores;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arash_core::ai::{AiError, AiErrorKind, AiProvider, ChatDelta, ChatRequest, ChatStream};
use arash_core::clock::{Clock, Timestamp};
use arash_core::command::{CommandCall, CommandContext, CommandHandler, CommandReply, CommandSpec};
use arash_core::id::NodeId;
use arash_core::quota::{Allowance, Period, QuotaKeeper};
use arash_core::team::Principal;
use arash_core::testing::{ManualClock, Script, ScriptedProvider, Step};
use arash_core::turn::IdempotencyKey;
use arash_core::usage::{TokenUsage, TurnKind, UsageFilter, UsagePage, UsageRecord};
use arash_core::{Engine, ErrorKind, IncomingMessage, ReplyEvent, ReplyStream, Result, TurnRequest};
use engines::{builder, caller, engine, request};
use faulty::faulty;
use stores::TestStore;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

on_each_store! {
    a_turn_whose_quota_is_leased_at_shutdown_is_answered
    who_waits_for_a_session_at_shutdown_is_refused
    a_command_that_hangs_is_interrupted_and_recorded
    an_engine_that_is_dropped_interrupts_and_records_its_turns
    a_panic_amid_an_answer_is_counted
    a_failure_amid_an_answer_is_counted
    empty_pieces_without_end_are_not_kept_and_can_be_interrupted
    an_answer_of_single_bytes_is_read_whole_in_few_pieces
    an_answer_in_one_piece_is_cut_at_its_longest
    absurd_token_counts_spoil_no_sum
    an_escaped_slash_reaches_the_model_as_one
    a_replayed_stream_has_its_text
    two_replays_at_once_are_both_answered
    an_idempotency_key_of_another_caller_gives_nothing_away
    a_turn_longer_than_its_quotas_window_is_recorded
}

/// Whatever happens, it happens soon.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work).await.unwrap()
}

/// Waits for what the engine does by itself.
async fn until(mut is_so: impl FnMut() -> bool) {
    soon(async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

fn said(text: &str) -> IncomingMessage {
    IncomingMessage::text("internal", "user", "chat", text)
}

async fn records(store: &TestStore) -> Vec<UsageRecord> {
    store.store.usage_records(UsageFilter::default(), UsagePage { before: None, limit: 1_000 }).await.unwrap()
}

async fn used(engine: &Engine, principal: &Principal) -> u64 {
    engine.quotas().standing(&Allowance::of(principal), Period::Daily).await.unwrap().used
}

/// All pieces of an answer, and its end.
async fn read(mut stream: ReplyStream) -> (Vec<Arc<str>>, Option<ReplyEvent>) {
    let (mut pieces, mut end) = (Vec::new(), None);
    while let Some(event) = soon(stream.next()).await {
        match event {
            ReplyEvent::Delta(text) => pieces.push(text),
            last => end = Some(last),
        }
    }
    (pieces, end)
}

async fn a_turn_whose_quota_is_leased_at_shutdown_is_answered(store: TestStore) {
    let (store, plan) = faulty(store);
    let engine = engine(&store, &ScriptedProvider::default()).await;
    let principal = caller(&engine, "punctual", Some(5), None).await;
    let go_on = Arc::new(Notify::new());
    let gate = Arc::clone(&go_on);
    plan.lease.push(async move {
        gate.notified().await;
        Ok(())
    });
    let mut tasks = JoinSet::new();
    let (asked, request) = (engine.clone(), request(&principal, "chat", "hello"));
    tasks.spawn(async move { asked.process(request).await });
    until(|| plan.lease.calls() == 1).await;
    let shutdown = engine.shutdown(Duration::from_secs(10));
    tokio::pin!(shutdown);
    assert!(futures_util::poll!(&mut shutdown).is_pending());
    assert_eq!(engine.process(said("late")).await.unwrap_err().kind(), ErrorKind::Unavailable);
    go_on.notify_one();
    soon(shutdown).await;
    assert_eq!(soon(tasks.join_all()).await.remove(0).unwrap().text, "echo: hello");
    let rows = records(&store.reopen().await).await;
    assert_eq!(rows.iter().map(|row| row.success).collect::<Vec<_>>(), [true]);
}

/// Longer than shutdown gives background work: the turn counts as running before it has its quota.
#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_a_turn_whose_quota_is_leased_slowly() {
    let (store, plan) = faulty(stores::memory());
    let answer = Script::new([Step::Pause(Duration::from_secs(7)), Step::say("at last")]);
    let engine = engine(&store, &ScriptedProvider::new([answer])).await;
    let principal = caller(&engine, "patient", Some(5), None).await;
    plan.lease.push(async {
        tokio::time::sleep(Duration::from_secs(7)).await;
        Ok(())
    });
    let asked = engine.process(request(&principal, "chat", "hello"));
    tokio::pin!(asked);
    assert!(futures_util::poll!(&mut asked).is_pending());
    let (reply, rows) = tokio::join!(asked, async {
        engine.shutdown(Duration::from_secs(30)).await;
        records(&store).await
    });
    assert_eq!(reply.unwrap().text, "at last");
    assert_eq!(rows.len(), 1, "it is recorded when shutdown returns");
}

async fn who_waits_for_a_session_at_shutdown_is_refused(store: TestStore) {
    let provider = ScriptedProvider::new([Script::new([Step::say("half"), Step::Hang])]);
    let engine = engine(&store, &provider).await;
    let hangs = engine.stream(said("first")).await.unwrap();
    let waits = engine.process(said("second"));
    tokio::pin!(waits);
    assert!(futures_util::poll!(&mut waits).is_pending());
    let (refused, ()) = soon(async { tokio::join!(waits, engine.shutdown(Duration::from_millis(50))) }).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(soon(hangs.finish()).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(provider.calls(), 1);
    assert_eq!(records(&store.reopen().await).await.len(), 1);
}

struct Hanging;

#[async_trait::async_trait]
impl CommandHandler for Hanging {
    fn spec(&self) -> CommandSpec {
        CommandSpec::new("hang", "Never answers.")
    }

    async fn run(&self, _call: CommandCall<'_>, _context: CommandContext<'_>) -> Result<CommandReply> {
        std::future::pending().await
    }
}

async fn a_command_that_hangs_is_interrupted_and_recorded(store: TestStore) {
    let engine = builder(&store, &ScriptedProvider::default()).command(Hanging).build().await.unwrap();
    let stream = engine.stream(said("/hang")).await.unwrap();
    soon(engine.shutdown(Duration::from_millis(50))).await;
    assert_eq!(soon(stream.finish()).await.unwrap_err().kind(), ErrorKind::Unavailable);
    let rows = records(&store.reopen().await).await;
    assert_eq!(rows.iter().map(|row| (row.kind, row.success)).collect::<Vec<_>>(), [(TurnKind::Command, false)]);
}

async fn an_engine_that_is_dropped_interrupts_and_records_its_turns(store: TestStore) {
    let provider = ScriptedProvider::new([Script::new([Step::say("half an answer"), Step::Hang])]);
    let engine = engine(&store, &provider).await;
    let mut stream = engine.stream(said("hello")).await.unwrap();
    assert!(matches!(soon(stream.next()).await, Some(ReplyEvent::Delta(_))));
    drop(engine);
    let (_, end) = read(stream).await;
    assert!(matches!(end, Some(ReplyEvent::Failed(error)) if error.kind() == ErrorKind::Unavailable));
    assert_eq!(provider.running(), 0);
    let rows = records(&store).await;
    assert_eq!(rows.len(), 1);
    assert!(!rows[0].success && rows[0].tokens.completion_tokens > 0);
}

#[test]
fn a_turn_that_is_dropped_before_it_ran_ends_its_stream() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    let (_engine, stream) = first.block_on(async {
        let engine = engine(&stores::memory(), &ScriptedProvider::default()).await;
        let stream = engine.stream(said("hello")).await.unwrap();
        (engine, stream)
    });
    drop(first);
    assert_eq!(runtime().block_on(soon(stream.finish())).unwrap_err().kind(), ErrorKind::Internal);
}

async fn a_panic_amid_an_answer_is_counted(store: TestStore) {
    let provider = ScriptedProvider::new([Script::new([Step::say("half "), Step::say("more "), Step::Panic])]);
    let engine = engine(&store, &provider).await;
    let principal = caller(&engine, "unlucky", Some(5), None).await;
    let (pieces, end) = read(engine.stream(request(&principal, "chat", "hello")).await.unwrap()).await;
    assert_eq!(pieces.concat(), "half more ");
    assert!(matches!(end, Some(ReplyEvent::Failed(error)) if error.kind() == ErrorKind::Internal));
    let rows = records(&store).await;
    assert_eq!(rows.len(), 1);
    assert!(!rows[0].success && rows[0].tokens.estimated && rows[0].tokens.completion_tokens > 0, "{:?}", rows[0]);
    assert_eq!(used(&engine, &principal).await, 1, "what was read is counted");
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_failure_amid_an_answer_is_counted(store: TestStore) {
    let script = Script::new([Step::say("half "), Step::Fail(AiErrorKind::Timeout)]);
    let engine = engine(&store, &ScriptedProvider::new([script])).await;
    let principal = caller(&engine, "unlucky", Some(5), None).await;
    let error = engine.process(request(&principal, "chat", "hello")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AiTimeout);
    let rows = records(&store).await;
    assert_eq!(rows.len(), 1);
    assert!(!rows[0].success && rows[0].tokens.completion_tokens > 0, "{:?}", rows[0]);
    assert_eq!(used(&engine, &principal).await, 1);
    engine.shutdown(Duration::from_secs(5)).await;
}

/// Says nothing, again and again without a pause. It gives up some time, so that a test that fails ends.
#[derive(Debug)]
struct SaysNothing;

#[async_trait::async_trait]
impl AiProvider for SaysNothing {
    fn name(&self) -> &'static str {
        "says-nothing"
    }

    async fn stream(&self, _request: ChatRequest) -> Result<ChatStream, AiError> {
        let begun = Instant::now();
        let nothing = move || Some(Ok(ChatDelta::Text(String::new()))).filter(|_| begun.elapsed().as_secs() < 15);
        Ok(Box::pin(futures_util::stream::iter(std::iter::from_fn(nothing))))
    }
}

async fn empty_pieces_without_end_are_not_kept_and_can_be_interrupted(store: TestStore) {
    let engine = builder(&store, &ScriptedProvider::default()).ai(SaysNothing).build().await.unwrap();
    let stream = engine.stream(said("hello")).await.unwrap();
    let begun = Instant::now();
    soon(engine.shutdown(Duration::from_millis(100))).await;
    let (pieces, end) = read(stream).await;
    assert_eq!(pieces.len(), 0);
    assert!(matches!(&end, Some(ReplyEvent::Failed(error)) if error.kind() == ErrorKind::Unavailable), "{end:?}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(records(&store.reopen().await).await.len(), 1);
}

async fn an_answer_of_single_bytes_is_read_whole_in_few_pieces(store: TestStore) {
    const BYTES: usize = 50_000;
    let provider = ScriptedProvider::new([Script::new(vec![Step::say("x"); BYTES])]);
    let engine = engine(&store, &provider).await;
    let (pieces, end) = read(engine.stream(said("hello")).await.unwrap()).await;
    let whole = "x".repeat(BYTES);
    assert_eq!(pieces.concat(), whole);
    assert!(matches!(end, Some(ReplyEvent::Done(reply)) if reply.text == whole));
    assert!(pieces.len() < 5_000, "{} pieces", pieces.len());
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn an_answer_in_one_piece_is_cut_at_its_longest(store: TestStore) {
    const LONGEST: usize = 1 << 20;
    // The last character would lie across the end.
    let text = format!("{}سلام", "x".repeat(LONGEST - 1));
    let engine = engine(&store, &ScriptedProvider::new([Script::saying(text)])).await;
    let whole = "x".repeat(LONGEST - 1);
    assert_eq!(engine.process(said("hello")).await.unwrap().text, whole);
    let (pieces, end) = read(engine.stream(said("hello")).await.unwrap()).await;
    assert_eq!(pieces.concat(), whole);
    assert!(matches!(end, Some(ReplyEvent::Done(reply)) if reply.text == whole));
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn absurd_token_counts_spoil_no_sum(store: TestStore) {
    let absurd = TokenUsage { prompt_tokens: u64::MAX, completion_tokens: u64::MAX, estimated: false };
    let provider = ScriptedProvider::new([Script::new([Step::say("x"), Step::Usage(absurd)])]);
    let engine = engine(&store, &provider).await;
    let principal = caller(&engine, "believing", None, None).await;
    for count in 1..=3 {
        let reply = engine.process(request(&principal, "chat", "hello")).await.unwrap();
        assert_eq!(reply.receipt.message_count, count);
    }
    let report = engine.usage().report(UsageFilter::default(), 1).await.unwrap();
    assert_eq!((report.totals.requests, report.totals.succeeded), (3, 3));
    let rows = records(&store).await;
    let sum = rows.iter().map(|row| row.tokens.prompt_tokens).sum::<u64>();
    assert_eq!((rows.len(), report.totals.tokens.prompt_tokens), (3, sum));
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn an_escaped_slash_reaches_the_model_as_one(store: TestStore) {
    let provider = ScriptedProvider::default();
    let engine = engine(&store, &provider).await;
    let reply = engine.process(said("//help")).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.receipt.command), ("echo: /help", None));
    engine.process(said("hello")).await.unwrap();
    assert_eq!(&*provider.requests()[1].messages[0].text, "/help", "and so it is remembered");
    engine.shutdown(Duration::from_secs(5)).await;
}

fn repeated(text: &str) -> TurnRequest {
    TurnRequest::new(said(text)).idempotency_key(IdempotencyKey::new("host", "abc").unwrap())
}

async fn a_replayed_stream_has_its_text(store: TestStore) {
    let provider = ScriptedProvider::default();
    let engine = engine(&store, &provider).await;
    engine.process(repeated("hello")).await.unwrap();
    let (pieces, end) = read(engine.stream(repeated("hello")).await.unwrap()).await;
    assert_eq!(pieces.concat(), "echo: hello");
    assert!(matches!(end, Some(ReplyEvent::Done(reply)) if reply.receipt.replayed && reply.text == "echo: hello"));
    assert_eq!(provider.calls(), 1);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn two_replays_at_once_are_both_answered(store: TestStore) {
    let engine = engine(&store, &ScriptedProvider::default()).await;
    let first = engine.process(repeated("hello")).await.unwrap();
    for _ in 0..20 {
        let mut tasks = JoinSet::new();
        for _ in 0..2 {
            let engine = engine.clone();
            tasks.spawn(async move { engine.process(repeated("hello")).await });
        }
        for result in tasks.join_all().await {
            assert_eq!(result.unwrap().receipt.turn_id, first.receipt.turn_id);
        }
    }
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn an_idempotency_key_of_another_caller_gives_nothing_away(store: TestStore) {
    let engine = engine(&store, &ScriptedProvider::default()).await;
    let (one, other) = (caller(&engine, "one", None, None).await, caller(&engine, "other", None, None).await);
    let ask = |principal| {
        let key = IdempotencyKey::new("a scope that a host gave to both", "abc").unwrap();
        engine.process(request(principal, "chat", "the same").idempotency_key(key))
    };
    ask(&one).await.unwrap();
    assert_eq!(ask(&other).await.unwrap_err().kind(), ErrorKind::IdempotencyMismatch);
    assert!(ask(&one).await.unwrap().receipt.replayed);
    engine.shutdown(Duration::from_secs(5)).await;
}

fn clock() -> ManualClock {
    ManualClock::new(Timestamp::from_millis(1_762_000_200_000))
}

async fn a_turn_longer_than_its_quotas_window_is_recorded(store: TestStore) {
    let (clock, go_on) = (clock(), Arc::new(Notify::new()));
    let provider = ScriptedProvider::new([Script::new([Step::WaitFor(Arc::clone(&go_on)), Step::say("at last")])]);
    let engine = builder(&store, &provider).clock(Arc::new(clock.clone())).build().await.unwrap();
    let principal = caller(&engine, "patient", Some(1), Some(1)).await;
    let stream = engine.stream(request(&principal, "chat", "hello")).await.unwrap();
    clock.advance(Duration::from_secs(25 * 3_600));
    // Another node takes back what this one has not renewed, and purges the day that is over.
    let other = QuotaKeeper::new(NodeId::new(), store.store.clone(), Arc::new(clock.clone()), TaskTracker::new());
    other.upkeep().await.unwrap();
    go_on.notify_one();
    assert_eq!(soon(stream.finish()).await.unwrap().text, "at last");
    assert_eq!(records(&store).await.len(), 1);
    let refused = engine.process(request(&principal, "chat", "hello")).await.unwrap_err();
    assert_eq!(refused.limit().map(|limit| limit.policy), Some("monthly"), "the day's use has left its window");
    engine.shutdown(Duration::from_secs(5)).await;
}

/// Time stands still while anything is to be done, so the upkeep's minutes cost none.
#[tokio::test(start_paused = true)]
async fn a_session_that_expires_during_its_turn_keeps_what_was_said() {
    let (store, clock, go_on) = (stores::memory(), clock(), Arc::new(Notify::new()));
    let waits = Script::new([Step::WaitFor(Arc::clone(&go_on)), Step::say("two")]);
    let provider = ScriptedProvider::new([Script::saying("old"), Script::saying("one"), waits]);
    let engine = builder(&store, &provider).clock(Arc::new(clock.clone())).build().await.unwrap();
    let old = engine.process(IncomingMessage::text("internal", "user", "old", "hello")).await.unwrap();
    let old = engine.session_key(&old.receipt.session_id).unwrap();
    clock.advance(Duration::from_secs(15 * 60));
    engine.process(said("first")).await.unwrap();
    clock.advance(Duration::from_secs(30 * 60 - 10));
    let stream = engine.stream(said("second")).await.unwrap();
    clock.advance(Duration::from_secs(60));
    assert!(store.store.load(&old, 0, Timestamp::default()).await.unwrap().is_some());
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert!(store.store.load(&old, 0, Timestamp::default()).await.unwrap().is_none(), "expired sessions are purged");
    go_on.notify_one();
    let receipt = soon(stream.finish()).await.unwrap().receipt;
    assert_eq!((receipt.message_count, receipt.history_length), (2, 4));
    let summary = engine.sessions().get(&engine.session_key(&receipt.session_id).unwrap()).await.unwrap();
    assert_eq!((summary.message_count, summary.last_activity_at), (2, clock.now()));
    engine.shutdown(Duration::from_secs(5)).await;
}
