//! Models call tools: what they ask for is run, told to them and remembered.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::answers::{read, records, soon, text};
use crate::engines::{caller, request};
use crate::stores::{self, TestStore};
use crate::talk::{said, until};
use crate::test_tools::{TestTool, conversation, lines, results, with_tools};
use arash_core::command::{EnglishTexts, Text, Texts};
use arash_core::platform::{Capability, ModelInfo};
use arash_core::quota::{Allowance, Period};
use arash_core::testing::{Script, ScriptedProvider, Step};
use arash_core::tool::ToolLimits;
use arash_core::turn::IdempotencyKey;
use arash_core::usage::{TokenUsage, TurnKind};
use arash_core::{Engine, ErrorKind, Platform, ReplyEvent, ReplyStream};
use tokio::sync::{Barrier, Notify};

crate::on_each_store! {
    what_a_tool_says_is_told_to_the_model_and_remembered
    a_stream_tells_what_is_said_before_and_after_a_call
    an_answer_without_a_word_to_its_calls_has_no_empty_line
    a_slow_tool_of_a_whole_answer_is_known_as_begun
    a_repeated_request_runs_no_tool_again
}

fn usage(prompt_tokens: u64, completion_tokens: u64) -> Step {
    Step::Usage(TokenUsage { prompt_tokens, completion_tokens, estimated: false })
}

/// Calls the tool `weather`, and then says that it is sunny.
fn weather() -> ScriptedProvider {
    ScriptedProvider::new([
        Script::new([Step::say("Let me look."), Step::call("c1", "weather", r#"{"city":"Tehran"}"#), usage(50, 10)]),
        Script::new([Step::say("It is "), Step::say("sunny."), usage(70, 5)]),
        Script::saying("You are welcome."),
    ])
}

async fn what_a_tool_says_is_told_to_the_model_and_remembered(store: TestStore) {
    let provider = weather();
    let tool = TestTool::new("weather", |arguments, context| async move {
        let team = context.principal.as_ref().unwrap().team_id();
        let asked = (context.platform.name().to_owned(), context.user_id, context.chat_id, context.locale);
        assert_eq!((asked.0.as_str(), &*asked.1, &*asked.2, asked.3.as_deref()), ("internal", "user", "chat", None));
        assert!(team.0 > 0 && context.call_id == "c1" && !context.cancellation.is_cancelled());
        Ok(format!("sunny in {}", arguments["city"].as_str().unwrap()))
    });
    let engine = with_tools(&store, &provider, [tool]).build().await.unwrap();
    let principal = caller(&engine, "curious", Some(5), None).await;
    let reply = engine.process(request(&principal, "chat", "how is the weather?")).await.unwrap();
    assert_eq!(reply.text, "It is sunny.");
    assert_eq!((reply.receipt.message_count, reply.receipt.history_length), (1, 4));
    let both = TokenUsage { prompt_tokens: 120, completion_tokens: 15, estimated: false };
    assert_eq!(reply.receipt.usage, both);
    let rows = records(&store).await;
    assert_eq!((rows.len(), rows[0].kind, rows[0].success, rows[0].tokens), (1, TurnKind::Chat, true, both));
    assert_eq!(engine.quotas().standing(&Allowance::of(&principal), Period::Daily).await.unwrap().used, 1);
    let requests = provider.requests();
    assert_eq!(requests[0].tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["weather"]);
    assert_eq!((requests[0].tools.clone(), requests[0].turn_id), (requests[1].tools.clone(), requests[1].turn_id));
    let told = [
        "user how is the weather?",
        r#"assistant Let me look. [c1 weather {"city":"Tehran"}]"#,
        "tool sunny in Tehran [c1]",
        "assistant It is sunny.",
    ];
    assert_eq!(lines(&requests[1].messages), told[..3]);
    let session = engine.session_key(&reply.receipt.session_id).unwrap();
    assert_eq!(conversation(&engine, &session).await, told);
    engine.shutdown(Duration::from_secs(5)).await;

    // Another engine reads it from the store.
    let store = store.reopen().await;
    let engine = with_tools(&store, &provider, []).build().await.unwrap();
    let reply = engine.process(request(&principal, "chat", "thanks")).await.unwrap();
    assert_eq!((reply.receipt.message_count, reply.receipt.history_length), (2, 6));
    let context = lines(&provider.requests()[2].messages);
    assert_eq!((&context[..4], context[4].as_str()), (&told.map(String::from)[..], "user thanks"));
    engine.shutdown(Duration::from_secs(5)).await;
}

/// What a stream gives, one line an event.
async fn heard(mut stream: ReplyStream) -> Vec<String> {
    let mut heard = Vec::new();
    while let Some(event) = soon(stream.next()).await {
        heard.push(match event {
            ReplyEvent::Delta(text) => format!("text {text}"),
            ReplyEvent::Notice(text) => format!("notice {text}"),
            ReplyEvent::Done(reply) => format!("done {}", reply.text),
            ReplyEvent::Failed(error) => format!("failed {error}"),
            _ => unreachable!("there are no other events"),
        });
        assert_eq!(stream.position(), Some(heard.len() - 1), "every event has a position");
    }
    heard
}

/// Speaks French of tools.
struct French;

impl Texts for French {
    fn say(&self, text: &Text<'_>, locale: Option<&str>) -> String {
        match text {
            Text::ToolRuns { name } if locale == Some("fr") => format!("J'utilise {name}."),
            other => EnglishTexts.say(other, locale),
        }
    }
}

async fn a_stream_tells_what_is_said_before_and_after_a_call(store: TestStore) {
    let provider = weather();
    let tools = [TestTool::saying("weather", "sunny")];
    let engine = with_tools(&store, &provider, tools).texts(French).build().await.unwrap();
    let mut message = said("how is the weather?");
    message.locale = Some("fr".to_owned());
    let stream = engine.stream(message).await.unwrap();
    let turn_id = stream.turn_id();
    let told = [
        "text Let me look.",
        "notice J'utilise weather.",
        "text \n\n",
        "text It is ",
        "text sunny.",
        "done It is sunny.",
    ];
    assert_eq!(heard(stream).await, told);
    assert_eq!(heard(engine.resume_any(turn_id, None).unwrap()).await, told, "whoever comes later is told the same");
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn an_answer_without_a_word_to_its_calls_has_no_empty_line(store: TestStore) {
    let provider = ScriptedProvider::new([
        Script::new([Step::call("1", "no_such_tool", "{}")]),
        Script::new([Step::say("Well, "), Step::say("I cannot.")]),
    ]);
    let engine = with_tools(&store, &provider, []).build().await.unwrap();
    let (pieces, end) = read(engine.stream(said("hello")).await.unwrap()).await;
    assert_eq!((text(&pieces), end.unwrap().text), ("Well, I cannot.".to_owned(), "Well, I cannot.".to_owned()));
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_slow_tool_of_a_whole_answer_is_known_as_begun(store: TestStore) {
    let (provider, go_on) = (weather(), Arc::new(Notify::new()));
    let gate = Arc::clone(&go_on);
    let tool = TestTool::new("weather", move |_, _| {
        let gate = Arc::clone(&gate);
        async move {
            gate.notified().await;
            Ok("sunny".to_owned())
        }
    });
    let engine = with_tools(&store, &provider, [tool]).build().await.unwrap();
    let begun = async || store.store.lost_turns(arash_core::clock::Timestamp::from_millis(i64::MAX), 10).await.unwrap();
    let (reply, ()) = tokio::join!(engine.process(said("how is the weather?")), async {
        until(async || !begun().await.is_empty()).await;
        assert_eq!(provider.calls(), 1);
        go_on.notify_one();
    });
    assert_eq!(reply.unwrap().text, "It is sunny.");
    assert!(begun().await.is_empty() && records(&store).await.len() == 1);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_repeated_request_runs_no_tool_again(store: TestStore) {
    let (provider, runs) = (weather(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&runs);
    let tool = TestTool::new("weather", move |_, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Ok("sunny".to_owned()))
    });
    let engine = with_tools(&store, &provider, [tool]).build().await.unwrap();
    let principal = caller(&engine, "forgetful", Some(1), None).await;
    let key = || IdempotencyKey::new("key:1:chat", "once").unwrap();
    let ask = || request(&principal, "chat", "how is the weather?").idempotency_key(key());
    let first = engine.process(ask()).await.unwrap();
    let again = engine.process(ask()).await.unwrap();
    assert_eq!((again.text, again.receipt.turn_id), (first.text, first.receipt.turn_id));
    assert_eq!(heard(engine.stream(ask()).await.unwrap()).await, ["text It is sunny.", "done It is sunny."]);
    assert_eq!((runs.load(Ordering::Relaxed), provider.calls(), records(&store).await.len()), (1, 2, 1));
    engine.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn calls_of_one_answer_run_together_and_their_results_are_in_order() {
    let calls = (0..6).map(|number| Step::call(number.to_string(), "meet", format!(r#"{{"city":"{number}"}}"#)));
    let provider = ScriptedProvider::new([Script::new(calls), Script::saying("done")]);
    // Three are needed at the same time; the first is the last to end.
    let (barrier, running) = (Arc::new(Barrier::new(3)), Arc::new(Mutex::new((0, 0))));
    let most = Arc::clone(&running);
    let tool = TestTool::new("meet", move |arguments, _| {
        let (barrier, running) = (Arc::clone(&barrier), Arc::clone(&running));
        async move {
            {
                let mut running = running.lock().unwrap();
                running.0 += 1;
                running.1 = running.0.max(running.1);
            }
            barrier.wait().await;
            let city = arguments["city"].as_str().unwrap().to_owned();
            tokio::time::sleep(Duration::from_millis(if city == "0" { 20 } else { 0 })).await;
            running.lock().unwrap().0 -= 1;
            Ok(city)
        }
    });
    let mut limits = ToolLimits::default();
    limits.max_concurrent = 3;
    let engine = with_tools(&stores::memory(), &provider, [tool]).tool_limits(limits).build().await.unwrap();
    soon(engine.process(said("hello"))).await.unwrap();
    assert_eq!(results(&provider.requests()[1]), ["0", "1", "2", "3", "4", "5"]);
    assert_eq!(most.lock().unwrap().1, 3);
    engine.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn tools_are_offered_where_the_platform_allows_them() {
    let provider = ScriptedProvider::default();
    let build = || Engine::builder().tool(TestTool::saying("one", "1")).tool(TestTool::saying("two", "2"));
    let platform = || Platform::private("internal").models(["test/one"]);
    let engine = build().platform(platform().tools(["two", "one", "two"])).ai(provider.clone()).build().await.unwrap();
    engine.process(said("hello")).await.unwrap();
    let engine_without = build().platform(platform()).ai(provider.clone()).build().await.unwrap();
    engine_without.process(said("hello")).await.unwrap();
    let offered = |at: usize| provider.requests()[at].tools.iter().map(|tool| tool.name.clone()).collect::<Vec<_>>();
    assert_eq!((offered(0), offered(1)), (vec!["two".to_owned(), "one".to_owned()], Vec::new()));
    let mute = ModelInfo::new("test/one").capable_of([Capability::Text]);
    let engine = build().model(mute).platform(platform().tools(["one"])).ai(provider.clone()).build().await.unwrap();
    engine.process(said("hello")).await.unwrap();
    assert!(offered(2).is_empty(), "a model that calls none is offered none");
    let refused = build().platform(platform().tools(["three"])).build().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("\"three\"; the tools there are: one, two"), "{refused}");
}

#[tokio::test]
async fn a_tool_that_cannot_be_called_is_refused_at_the_start() {
    let platform = || Platform::private("internal").models(["test/one"]);
    for name in ["", "two words", "naïve", "x".repeat(65).leak()] {
        let refused = Engine::builder().platform(platform()).tool(TestTool::saying(name, "")).build().await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput, "{name:?}");
    }
    let twice =
        Engine::builder().platform(platform()).tool(TestTool::saying("a", "1")).tool(TestTool::saying("a", "2"));
    assert!(twice.build().await.unwrap_err().to_string().contains("two tools called \"a\""));
}
