//! Whatever goes wrong with tools is told to the model, and never costs the turn.

use std::sync::Arc;
use std::time::Duration;

use crate::answers::{records, soon};
use crate::engines::{caller, request};
use crate::stores::{self, TestStore};
use crate::talk::{piece, said, until};
use crate::test_tools::{TestTool, conversation, lines, results, with_tools};
use arash_core::ai::{AiErrorKind, ChatDelta, FinishReason};
use arash_core::clock::{SystemClock, Timestamp};
use arash_core::quota::{Allowance, Period};
use arash_core::team::Principal;
use arash_core::testing::{ManualClock, Script, ScriptedProvider, Step};
use arash_core::tool::{ToolError, ToolLimits};
use arash_core::turn::IdempotencyKey;
use arash_core::usage::{TokenUsage, TurnKind};
use arash_core::{Engine, ErrorKind};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

crate::on_each_store! {
    a_provider_that_fails_after_a_call_fails_the_turn
    an_answer_that_is_stopped_amid_calls_keeps_what_was_done
    a_turn_that_a_crash_cut_off_amid_calls_is_recorded_once
    shutdown_interrupts_a_turn_amid_calls
}

async fn used(engine: &Engine, principal: &Principal) -> u64 {
    engine.quotas().standing(&Allowance::of(principal), Period::Daily).await.unwrap().used
}

/// A tool that never ends, and what tells that it has begun and that it was dropped.
fn hanging(name: &'static str) -> (TestTool, Arc<Notify>, CancellationToken) {
    let (begun, dropped) = (Arc::new(Notify::new()), CancellationToken::new());
    let (begins, over) = (Arc::clone(&begun), dropped.clone());
    let tool = TestTool::new(name, move |_, context| {
        let (begins, over) = (Arc::clone(&begins), over.clone());
        async move {
            let cancelled = context.cancellation.clone();
            // What a tool has running elsewhere hears of its end.
            tokio_util::task::TaskTracker::new().spawn(async move {
                cancelled.cancelled().await;
                over.cancel();
            });
            begins.notify_one();
            std::future::pending().await
        }
    });
    (tool, begun, dropped)
}

/// Has the model make these calls, and gives what it is told.
async fn told(calls: Vec<Step>, tools: impl IntoIterator<Item = TestTool>, limits: ToolLimits) -> Vec<String> {
    let provider = ScriptedProvider::new([Script::new(calls), Script::saying("I see.")]);
    let store = stores::memory();
    let engine = with_tools(&store, &provider, tools).tool_limits(limits).build().await.unwrap();
    let reply = soon(engine.process(said("hello"))).await.unwrap();
    assert_eq!((reply.text.as_str(), records(&store).await.len()), ("I see.", 1));
    engine.shutdown(Duration::from_secs(5)).await;
    results(&provider.requests()[1])
}

#[tokio::test]
async fn what_the_model_gets_wrong_is_told_to_it() {
    let called = |name: &str, arguments: &str| Step::call("", name, arguments);
    let calls = vec![
        called("wether", "{}"),
        called("weather", "{\"city\": \"Teh"),
        called("weather", "[]"),
        called("weather", r#"{"city": 5}"#),
        called("weather", r#"{"town": "Tehran"}"#),
        called("weather", &format!(r#"{{"city": "{}"}}"#, "x".repeat(70_000))),
        called("weather", &format!("{}1{}", r#"{"city":"#.repeat(33), "}".repeat(33))),
        called("weather", &"[".repeat(10_000)),
        called("weather", r#"{"city": "Tehran"}"#),
    ];
    let told = told(calls, [TestTool::saying("weather", "sunny")], ToolLimits::default()).await;
    for (told, part) in told.iter().zip([
        "Error: there is no tool \"wether\"; there are only weather",
        "Error: the arguments are not JSON: EOF",
        "Error: the arguments must be a JSON object",
        "/city: ",
        "town",
        "Error: the arguments have 70012 bytes; at most 65536 are accepted",
        "Error: the arguments are nested too deep; at most 32 levels are accepted",
        "Error: the arguments are not JSON: recursion limit exceeded",
        "sunny",
    ]) {
        assert!(told.contains(part), "{told}");
    }
    assert_eq!(told.len(), 9);
}

#[tokio::test]
async fn a_call_on_a_platform_without_tools_is_answered() {
    let told = told(vec![Step::call("1", "weather", "{}")], [], ToolLimits::default()).await;
    assert_eq!(told, ["Error: there is no tool \"weather\"; there are no tools"]);
}

#[tokio::test]
async fn arguments_that_were_cut_off_are_told_as_such() {
    let cut = Step::Give(ChatDelta::Finish(FinishReason::Length));
    let calls = vec![Step::call("1", "weather", "{\"city\": \"Te"), cut];
    let told = told(calls, [TestTool::saying("weather", "sunny")], ToolLimits::default()).await;
    assert!(told[0].contains("limit of tokens before the arguments were whole"), "{told:?}");
}

#[tokio::test]
async fn a_tool_that_fails_breaks_or_hangs_is_told_to_the_model() {
    let (hanging, _, dropped) = hanging("hang");
    let failing = TestTool::new("fail", |_, _| std::future::ready(Err(ToolError::new("no such city"))));
    let broken = TestTool::new("break", |_, _| async { panic!("the test says to panic") });
    let broken_early = TestTool::new("early", |_, _| -> std::future::Ready<_> { panic!("the test says to panic") });
    let mut limits = ToolLimits::default();
    limits.timeout = Duration::from_millis(50);
    let calls = ["fail", "break", "early", "hang"].map(|name| Step::call(name, name, "{}")).to_vec();
    let told = told(calls, [hanging, failing, broken, broken_early], limits).await;
    let expected = [
        "Error: no such city",
        "Error: the tool broke",
        "Error: the tool broke",
        "Error: the tool did not answer within 0.05 seconds",
    ];
    assert_eq!(told, expected);
    soon(dropped.cancelled()).await;
}

/// Panics when it is dropped.
struct Mine;

impl Drop for Mine {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "the test says to panic");
    }
}

#[tokio::test]
async fn a_tool_that_breaks_while_it_is_dropped_costs_one_call_and_no_turn() {
    let begun = Arc::new(Notify::new());
    let hanging = || {
        let begun = Arc::clone(&begun);
        TestTool::new("hang", move |_, _| {
            let begun = Arc::clone(&begun);
            async move {
                let _mine = Mine;
                begun.notify_one();
                std::future::pending().await
            }
        })
    };
    let mut limits = ToolLimits::default();
    limits.timeout = Duration::from_millis(50);
    let told = told(vec![Step::call("1", "hang", "{}")], [hanging()], limits).await;
    assert_eq!(told, ["Error: the tool did not answer within 0.05 seconds"]);
    soon(begun.notified()).await;

    let provider = ScriptedProvider::new([Script::new([Step::call("1", "hang", "{}")])]);
    let store = stores::memory();
    let engine = with_tools(&store, &provider, [hanging()]).build().await.unwrap();
    let principal = caller(&engine, "impatient", None, None).await;
    let stream = engine.stream(request(&principal, "chat", "hello")).await.unwrap();
    soon(begun.notified()).await;
    engine.stop(stream.turn_id(), &principal).unwrap();
    assert!(soon(stream.finish()).await.unwrap().receipt.stopped);
    assert_eq!(records(&store).await.len(), 1);
    engine.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_result_is_bounded() {
    let mut limits = ToolLimits::default();
    limits.max_result_bytes = 100;
    let tool = TestTool::saying("read", &"\0آب".repeat(60));
    let told = told(vec![Step::call("1", "read", "{}")], [tool], limits).await;
    assert!(told[0].len() <= 100 && told[0].starts_with("آبآب"), "{told:?}");
    assert!(told[0].ends_with("[cut off: the result has 240 bytes]"), "{told:?}");
}

#[tokio::test]
async fn so_many_calls_are_run_in_a_turn() {
    let calls = || Script::new(["a", "b", "c"].map(|id| Step::call(id, "count", "{}")));
    let provider = ScriptedProvider::new([calls(), calls(), Script::saying("enough")]);
    let mut limits = ToolLimits::default();
    limits.max_calls = 4;
    let tools = [TestTool::saying("count", "1")];
    let engine = with_tools(&stores::memory(), &provider, tools).tool_limits(limits).build().await.unwrap();
    engine.process(said("hello")).await.unwrap();
    let requests = provider.requests();
    assert_eq!(results(&requests[1]), ["1", "1", "1"]);
    let second = results(&requests[2]);
    assert!(second[0] == "1" && second[1..].iter().all(|told| told.contains("at most 4 calls")), "{second:?}");
    engine.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_model_that_never_stops_calling_is_stopped() {
    let usage = Step::Usage(TokenUsage { prompt_tokens: 10, completion_tokens: 1, estimated: false });
    let calls = Script::new([Step::call("a", "count", "{}"), usage]);
    let provider = ScriptedProvider::new([calls.clone(), calls.clone(), calls]);
    let mut limits = ToolLimits::default();
    limits.max_rounds = 2;
    let (store, tools) = (stores::memory(), [TestTool::saying("count", "1")]);
    let engine = with_tools(&store, &provider, tools).tool_limits(limits).build().await.unwrap();
    let principal = caller(&engine, "endless", Some(5), None).await;
    let failed = engine.process(request(&principal, "chat", "hello")).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::AiService, "{failed}");
    let (requests, rows) = (provider.requests(), records(&store).await);
    assert_eq!(requests.len(), 3);
    assert!(requests[1].parameters.is_empty() && requests[2].parameters["tool_choice"] == "none");
    assert_eq!(requests[2].tools, requests[0].tools);
    assert_eq!((rows.len(), rows[0].success, rows[0].tokens.prompt_tokens), (1, false, 30));
    assert_eq!(used(&engine, &principal).await, 1);
    // With a word to the calls, that is the answer.
    provider.push(Script::new([Step::say("Enough."), Step::call("a", "count", "{}")]));
    let reply = engine.process(said("hello")).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.receipt.history_length), ("Enough.", 6));
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_provider_that_fails_after_a_call_fails_the_turn(store: TestStore) {
    let usage = Step::Usage(TokenUsage { prompt_tokens: 50, completion_tokens: 10, estimated: false });
    let provider = ScriptedProvider::new([
        Script::new([Step::say("Let me look."), Step::call("c1", "weather", "{}"), usage]),
        Script::failing(AiErrorKind::Overloaded),
        Script::saying("hello again"),
    ]);
    let engine = with_tools(&store, &provider, [TestTool::saying("weather", "sunny")]).build().await.unwrap();
    let principal = caller(&engine, "unlucky", Some(5), None).await;
    let stream = engine.stream(request(&principal, "chat", "how is the weather?")).await.unwrap();
    let failed = soon(stream.finish()).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::AiService);
    let rows = records(&store).await;
    let told = TokenUsage { prompt_tokens: 50, completion_tokens: 10, estimated: false };
    assert_eq!((rows.len(), rows[0].success, rows[0].kind, rows[0].tokens), (1, false, TurnKind::Stream, told));
    assert_eq!(used(&engine, &principal).await, 1, "it began to be answered");
    let next = engine.process(request(&principal, "chat", "hello")).await.unwrap();
    assert_eq!((next.receipt.message_count, next.receipt.history_length), (1, 2), "a failed turn is not remembered");
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn an_answer_that_is_stopped_amid_calls_keeps_what_was_done(store: TestStore) {
    let provider = ScriptedProvider::new([
        Script::new([Step::say("One moment."), Step::call("c1", "book", "{}"), Step::call("c2", "hang", "{}")]),
        Script::saying("well"),
    ]);
    let (hanging, begun, dropped) = hanging("hang");
    let engine = with_tools(&store, &provider, [TestTool::saying("book", "booked"), hanging]).build().await.unwrap();
    let principal = caller(&engine, "impatient", Some(5), None).await;
    let stream = engine.stream(request(&principal, "chat", "book it")).await.unwrap();
    soon(begun.notified()).await;
    // The first one has ended by now, or does so soon.
    tokio::time::sleep(Duration::from_millis(50)).await;
    engine.stop(stream.turn_id(), &principal).unwrap();
    let reply = soon(stream.finish()).await.unwrap();
    soon(dropped.cancelled()).await;
    assert_eq!((reply.text.as_str(), reply.receipt.stopped), ("", true));
    assert_eq!((reply.receipt.message_count, reply.receipt.history_length), (1, 5));
    let kept = [
        "user book it",
        "assistant One moment. [c1 book {}] [c2 hang {}]",
        "tool booked [c1]",
        "tool Error: the answer was stopped before the result came [c2]",
        "assistant (stopped)",
    ];
    let session = engine.session_key(&reply.receipt.session_id).unwrap();
    assert_eq!(conversation(&engine, &session).await, kept);
    let rows = records(&store).await;
    assert_eq!((rows.len(), rows[0].success, rows[0].tokens.estimated), (1, true, true));
    assert!(rows[0].tokens.completion_tokens > 10, "{:?}", rows[0].tokens);
    assert_eq!(used(&engine, &principal).await, 1);
    engine.process(request(&principal, "chat", "thanks")).await.unwrap();
    assert_eq!(lines(&provider.requests()[1].messages)[..5], kept);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn shutdown_interrupts_a_turn_amid_calls(store: TestStore) {
    let provider = ScriptedProvider::new([Script::new([Step::say("One moment."), Step::call("c1", "hang", "{}")])]);
    let (hanging, begun, dropped) = hanging("hang");
    let engine = with_tools(&store, &provider, [hanging]).build().await.unwrap();
    let principal = caller(&engine, "late", Some(5), None).await;
    let stream = engine.stream(request(&principal, "chat", "hello")).await.unwrap();
    soon(begun.notified()).await;
    soon(engine.interrupt()).await;
    assert_eq!(soon(stream.finish()).await.unwrap_err().kind(), ErrorKind::Unavailable);
    soon(dropped.cancelled()).await;
    let rows = records(&store).await;
    assert_eq!((rows.len(), rows[0].success, rows[0].error.as_deref()), (1, false, Some("unavailable")));
    engine.shutdown(Duration::from_secs(5)).await;
}

/// The program dies while a tool runs, after an earlier turn in the same session.
async fn a_turn_that_a_crash_cut_off_amid_calls_is_recorded_once(store: TestStore) {
    let clock = Arc::new(ManualClock::new(arash_core::clock::Clock::now(&SystemClock)));
    let key = IdempotencyKey::new("key:1:chat", "one").unwrap();
    std::thread::scope(|scope| {
        let (store, clock, key) = (&store, &clock, key.clone());
        scope.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let provider = ScriptedProvider::new([
                    Script::new([Step::call("c1", "look", "{}")]),
                    Script::saying("It is sunny."),
                    Script::new([Step::say("Again?"), Step::call("c2", "hang", "{}")]),
                ]);
                let (hanging, begun, _) = hanging("hang");
                let tools = [TestTool::saying("look", "sunny"), hanging];
                let clock = Arc::<ManualClock>::clone(clock);
                let engine = with_tools(store, &provider, tools).clock(clock).build().await.unwrap();
                engine.process(said("how is the weather?")).await.unwrap();
                let again = arash_core::TurnRequest::new(said("and now?")).idempotency_key(key);
                let mut stream = engine.stream(again).await.unwrap();
                assert_eq!(piece(&mut stream).await, "Again?");
                soon(begun.notified()).await;
                // Nothing of it is dropped in order.
                std::mem::forget(engine);
            });
            runtime.shutdown_background();
        });
    });
    let store = store.reopen().await;
    let lost = async || store.store.lost_turns(Timestamp::from_millis(i64::MAX), 10).await.unwrap();
    assert_eq!((records(&store).await.len(), lost().await.len()), (1, 1));
    clock.advance(Duration::from_secs(61));
    let provider = ScriptedProvider::new([Script::saying("It is still sunny.")]);
    let engine = with_tools(&store, &provider, []).clock(clock).build().await.unwrap();
    until(async || records(&store).await.len() == 2).await;
    let cut_off = records(&store).await.into_iter().find(|row| !row.success).unwrap();
    assert_eq!((cut_off.error.as_deref(), cut_off.kind), (Some("unavailable"), TurnKind::Stream));
    assert!(cut_off.tokens.estimated && cut_off.tokens.prompt_tokens > 0 && lost().await.is_empty());
    let again = arash_core::TurnRequest::new(said("and now?")).idempotency_key(key);
    let reply = soon(engine.process(again)).await.unwrap();
    assert!(!reply.receipt.replayed);
    let whole = ["user how is the weather?", "assistant  [c1 look {}]", "tool sunny [c1]", "assistant It is sunny."];
    let mut asked = lines(&provider.requests()[0].messages);
    assert_eq!((asked.pop().as_deref(), asked.as_slice()), (Some("user and now?"), &whole.map(String::from)[..]));
    engine.shutdown(Duration::from_secs(5)).await;
}
