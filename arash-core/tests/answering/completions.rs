//! A client's own request is answered without a session, and limited, counted and told of like any message.

use std::sync::Arc;
use std::time::Duration;

use arash_core::ai::{ChatDelta, FinishReason, WireRequest};
use arash_core::message::MAX_TEXT_BYTES;
use arash_core::quota::{Allowance, Period};
use arash_core::session::{SessionFilter, SessionPage};
use arash_core::team::{AccessLevel, KeySpec, Principal, TeamSpec};
use arash_core::testing::{Script, ScriptedProvider, Step};
use arash_core::turn::{CompletionEvent, CompletionReceipt, CompletionRequest, CompletionStream, IdempotencyKey};
use arash_core::usage::{TokenUsage, TurnKind};
use arash_core::webhook::EventKind;
use arash_core::{Engine, Error, ErrorKind, Platform};
use serde_json::Value;

use crate::answers::{records, soon};
use crate::engines::{caller, engine, request};
use crate::stores::{self, TestStore};
use crate::test_tools::{TestTool, with_tools};
use crate::told::events_told;
use crate::told_turns::told_caller;

crate::on_each_store! {
    a_completion_is_answered_and_recorded_without_a_session
    a_streamed_completion_is_told_as_it_comes
    a_repeated_completion_gives_the_first_result
    the_team_is_told_of_a_completion
}

const HELLO: &str = r#""messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]"#;

pub(crate) fn completion(fields: &str) -> CompletionRequest {
    let wire = WireRequest::parse(&format!("{{{fields}}}")).unwrap();
    CompletionRequest::new("internal", wire).unwrap()
}

pub(crate) fn hello() -> CompletionRequest {
    completion(&format!(r#""model": "test/one", "temperature": 0.70, {HELLO}"#))
}

fn wire(json: &str) -> Step {
    Step::Give(ChatDelta::Wire(json.to_owned()))
}

const USAGE: TokenUsage = TokenUsage { prompt_tokens: 12, completion_tokens: 3, estimated: false };

/// Answers in two chunks, as a service would that speaks the client's protocol.
pub(crate) fn chunks() -> Script {
    Script::new([
        wire(r#"{"n":1}"#),
        Step::say("Hi "),
        wire(r#"{"n":2}"#),
        Step::say("there."),
        Step::Give(ChatDelta::Finish(FinishReason::Stop)),
        Step::Usage(USAGE),
    ])
}

/// All pieces, and the end.
pub(crate) async fn heard(mut stream: CompletionStream) -> (Vec<ChatDelta>, Result<CompletionReceipt, Error>) {
    let mut deltas = Vec::new();
    while let Some(event) = soon(stream.next()).await {
        match event {
            CompletionEvent::Delta(delta) => deltas.push(delta),
            CompletionEvent::Done(receipt) => return (deltas, Ok(receipt)),
            CompletionEvent::Failed(error) => return (deltas, Err(error)),
            other => unreachable!("{other:?}"),
        }
    }
    unreachable!("a stream ends with its result");
}

fn told(deltas: &[ChatDelta]) -> String {
    let text = |delta: &ChatDelta| if let ChatDelta::Text(text) = delta { text.clone() } else { String::new() };
    deltas.iter().map(text).collect()
}

async fn used(engine: &Engine, principal: &Principal) -> u64 {
    engine.quotas().standing(&Allowance::of(principal), Period::Daily).await.unwrap().used
}

async fn a_completion_is_answered_and_recorded_without_a_session(store: TestStore) {
    let provider = ScriptedProvider::new([chunks()]);
    let engine = engine(&store, &provider).await;
    let principal = caller(&engine, "client", Some(5), None).await;
    let completion = engine.complete(hello().principal(Arc::clone(&principal))).await.unwrap();
    assert_eq!(
        (completion.answer.text.as_str(), completion.answer.finish.as_ref()),
        ("Hi there.", Some(&FinishReason::Stop))
    );
    assert_eq!(completion.answer.wire, [r#"{"n":1}"#, r#"{"n":2}"#]);
    let receipt = completion.receipt;
    assert_eq!(
        (receipt.usage, receipt.model.as_str(), receipt.stopped, receipt.replayed),
        (USAGE, "test/one", false, false)
    );
    let asked = provider.requests().remove(0);
    assert_eq!(asked.wire.unwrap().get("temperature"), Some("0.70"), "what the client wrote goes on as it is");
    assert_eq!(asked.messages.iter().map(|message| &*message.text).collect::<Vec<_>>(), ["Be brief.", "Hello"]);
    assert_eq!((asked.turn_id, asked.tools.len()), (receipt.turn_id, 0));
    let rows = records(&store).await;
    assert_eq!((rows.len(), rows[0].turn_id, rows[0].kind), (1, receipt.turn_id, TurnKind::Completion));
    assert_eq!((rows[0].session_key.as_deref(), rows[0].success, rows[0].tokens), (None, true, USAGE));
    assert_eq!((rows[0].team_id, rows[0].api_key_id), (Some(principal.team_id()), Some(principal.key_id())));
    assert_eq!(used(&engine, &principal).await, 1);
    let page = SessionPage { before: None, limit: 10 };
    assert!(engine.sessions().list(&SessionFilter::default(), page).await.unwrap().is_empty());
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_streamed_completion_is_told_as_it_comes(store: TestStore) {
    let provider = ScriptedProvider::new([chunks()]);
    let engine = engine(&store, &provider).await;
    let mut stream = engine.stream_completion(hello()).await.unwrap();
    let first = soon(stream.next()).await.unwrap();
    assert!(matches!(first, CompletionEvent::Delta(ChatDelta::Wire(json)) if json == r#"{"n":1}"#));
    let turn_id = stream.turn_id();
    let (deltas, end) = heard(stream).await;
    let expected = [
        ChatDelta::Text("Hi ".to_owned()),
        ChatDelta::Wire(r#"{"n":2}"#.to_owned()),
        ChatDelta::Text("there.".to_owned()),
        ChatDelta::Finish(FinishReason::Stop),
        ChatDelta::Usage(USAGE),
    ];
    assert_eq!(deltas, expected);
    let receipt = end.unwrap();
    assert_eq!((receipt.turn_id, receipt.usage), (turn_id, USAGE));
    assert_eq!(records(&store).await.iter().map(|row| row.kind).collect::<Vec<_>>(), [TurnKind::Completion]);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_repeated_completion_gives_the_first_result(store: TestStore) {
    let provider = ScriptedProvider::new([chunks(), chunks()]);
    let engine = engine(&store, &provider).await;
    let principal = caller(&engine, "client", Some(5), None).await;
    let key = |name: &str| IdempotencyKey::new("key:1:v1", name).unwrap();
    let whole = || hello().principal(Arc::clone(&principal)).idempotency_key(key("whole"));
    let first = engine.complete(whole()).await.unwrap();
    let again = engine.complete(whole()).await.unwrap();
    assert!(again.receipt.replayed);
    assert_eq!((again.answer, again.receipt.turn_id), (first.answer, first.receipt.turn_id));
    let other = completion(&format!(r#""model": "test/one", "temperature": 0.7, {HELLO}"#));
    let other = other.principal(Arc::clone(&principal)).idempotency_key(key("whole"));
    assert_eq!(engine.complete(other).await.unwrap_err().kind(), ErrorKind::IdempotencyMismatch);
    let message = request(&principal, "chat", "Hello").idempotency_key(key("whole"));
    assert_eq!(engine.process(message).await.unwrap_err().kind(), ErrorKind::IdempotencyMismatch);

    let streamed = || hello().principal(Arc::clone(&principal)).idempotency_key(key("streamed"));
    let (deltas, end) = heard(engine.stream_completion(streamed()).await.unwrap()).await;
    let stream = engine.stream_completion(streamed()).await.unwrap();
    assert!(stream.is_replayed());
    let (again, end_again) = heard(stream).await;
    let wires = |deltas: &[ChatDelta]| deltas.iter().filter(|delta| matches!(delta, ChatDelta::Wire(_))).count();
    assert_eq!((told(&again), wires(&again)), (told(&deltas), wires(&deltas)));
    assert_eq!(end_again.unwrap().turn_id, end.unwrap().turn_id);
    assert_eq!((provider.calls(), records(&store).await.len(), used(&engine, &principal).await), (2, 2, 2));
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn the_team_is_told_of_a_completion(store: TestStore) {
    let engine = engine(&store, &ScriptedProvider::new([chunks()])).await;
    let principal = told_caller(&engine, &store, [EventKind::MessageCompleted]).await;
    let named = completion(&format!(r#""model": "test/one", "user": "Sara", {HELLO}"#));
    engine.complete(named.principal(principal)).await.unwrap();
    let payload = &events_told(&*store.store).await[0].payload;
    for part in [
        r#""session_id":null"#,
        r#""message":{"user_id":"Sara","chat_id":null,"text":"Hello","type":"text"}"#,
        r#""response":{"success":true,"response":"Hi there.","model":"One"}"#,
    ] {
        assert!(payload.contains(part), "{part}: {payload}");
    }
    engine.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn of_a_long_question_a_team_is_told_the_beginning() {
    let store = stores::memory();
    let engine = engine(&store, &ScriptedProvider::new([chunks()])).await;
    let principal = told_caller(&engine, &store, [EventKind::MessageCompleted]).await;
    // The limit falls into a letter of two bytes.
    let long = format!("x{}", "é".repeat(MAX_TEXT_BYTES));
    let asked = completion(&format!(r#""model": "test/one", "messages": [{{"role": "user", "content": "{long}"}}]"#));
    engine.complete(asked.principal(principal)).await.unwrap();
    let told: Value = serde_json::from_str(&events_told(&*store.store).await[0].payload).unwrap();
    let text = told["message"]["text"].as_str().unwrap();
    assert_eq!((text.len(), long.starts_with(text)), (MAX_TEXT_BYTES - 1, true));
    engine.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_long_stream_is_repeated_by_what_it_says() {
    let long = format!(r#"{{"n":"{}"}}"#, "x".repeat(1 << 20));
    let chunks =
        Script::new([Step::say("Hi "), wire(&long), wire(&long), wire(&long), wire(&long), Step::say("there.")]);
    let engine = engine(&stores::memory(), &ScriptedProvider::new([chunks])).await;
    let ask = || hello().idempotency_key(IdempotencyKey::new("key:1:v1", "once").unwrap());
    let (first, _) = heard(engine.stream_completion(ask()).await.unwrap()).await;
    let (again, end) = heard(engine.stream_completion(ask()).await.unwrap()).await;
    assert_eq!((first.len(), told(&first).as_str()), (6, "Hi there."));
    assert_eq!((again, end.unwrap().replayed), (vec![ChatDelta::Text("Hi there.".to_owned())], true));
    engine.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn the_tools_are_the_clients() {
    let calls =
        Script::new([Step::call("c1", "clock", "{not JSON"), Step::Give(ChatDelta::Finish(FinishReason::ToolCalls))]);
    let provider = ScriptedProvider::new([calls]);
    let store = stores::memory();
    let tools = [TestTool::saying("clock", "noon")];
    let engine = with_tools(&store, &provider, tools).build().await.unwrap();
    let tool = r#""tools": [{"type": "function", "function": {"name": "clock", "parameters": {"type": "object"}}}]"#;
    let asked = completion(&format!(r#""model": "test/one", {tool}, {HELLO}"#));
    let completion = engine.complete(asked).await.unwrap();
    assert_eq!((completion.answer.text.as_str(), provider.calls()), ("", 1));
    assert_eq!(completion.answer.tool_calls[0].arguments, "{not JSON", "nobody touches what is the client's");
    assert_eq!(provider.requests()[0].tools[0].description, "");
    let rows = records(&store).await;
    assert!(rows[0].success && rows[0].tokens.completion_tokens > 0, "{rows:?}");
    engine.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_completion_keeps_to_the_platforms_models_and_limits() {
    let provider = ScriptedProvider::default();
    let platform = Platform::private("internal").models(["test/one", "test/two"]).rate_limit(2);
    let engine = Engine::builder().platform(platform).ai(provider.clone()).build().await.unwrap();
    let spec = TeamSpec { allowed_models: Some(vec!["test/one".into()]), ..TeamSpec::named("limited") };
    let team = engine.teams().create(spec).await.unwrap();
    let key = engine.keys().create(KeySpec::new(team.id, "key").level(AccessLevel::User)).await.unwrap();
    let principal = engine.authenticate(key.secret.expose()).await.unwrap();
    let ask = async |fields: &str| {
        let asked = completion(&format!("{fields}, {HELLO}")).principal(Arc::clone(&principal));
        engine.complete(asked).await.map(|completion| completion.receipt.model.to_string())
    };
    let unknown = ask(r#""model": "test/three""#).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
    let said = unknown.to_string();
    assert!(said.contains("there is test/one") && !said.contains("test/two"), "only what the team may use: {said}");
    assert_eq!(ask(r#""model": "test/two""#).await.unwrap_err().kind(), ErrorKind::Forbidden);
    for _ in 0..2 {
        assert_eq!(ask(r#""model": "test/one""#).await.unwrap(), "test/one");
        assert_eq!(ask(r#""model": "ONE", "user": "Sara""#).await.unwrap(), "test/one");
    }
    for fields in [r#""model": "test/one""#, r#""model": "test/one", "user": "Sara""#] {
        assert_eq!(ask(fields).await.unwrap_err().kind(), ErrorKind::RateLimited);
    }
    assert!(ask(r#""model": "test/one", "user": "Ali""#).await.is_ok());
    let unknown =
        CompletionRequest::new("nowhere", WireRequest::parse(&format!(r#"{{"model": "m", {HELLO}}}"#)).unwrap());
    assert_eq!(engine.complete(unknown.unwrap()).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    engine.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_request_without_what_is_needed_is_refused() {
    for (json, field) in [
        (r#"{"messages": [{"role": "user", "content": "hi"}]}"#, "model"),
        (r#"{"model": "m"}"#, "messages"),
        (r#"{"model": "m", "messages": [{"role": "user", "content": 5}]}"#, "messages[0]"),
        (r#"{"model": "m", "messages": [{"role": "user", "content": "hi"}], "user": "a\nb"}"#, "user"),
    ] {
        let refused = CompletionRequest::new("internal", WireRequest::parse(json).unwrap()).unwrap_err();
        assert_eq!((refused.kind(), refused.fields()[0].field.as_ref()), (ErrorKind::InvalidInput, field));
    }
}

#[tokio::test]
async fn a_provider_that_knows_nothing_of_the_protocol_answers_too() {
    let platform = Platform::private("internal").models(["offline/assistant"]);
    let engine = Engine::builder().platform(platform).build().await.unwrap();
    let asked = r#""model": "offline/assistant", "messages": [{"role": "user", "content": "/help my name is Sara"}]"#;
    let completion = engine.complete(completion(asked)).await.unwrap();
    assert!(completion.answer.text.contains("Sara") && completion.answer.wire.is_empty(), "{completion:?}");
    assert!(completion.answer.text.contains("You have sent 1 message "), "{completion:?}");
    engine.shutdown(Duration::from_secs(5)).await;
}
