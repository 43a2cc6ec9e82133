use std::sync::Arc;
use std::time::Duration;

use arash_core::Platform;
use arash_core::ai::AiErrorKind;
use arash_core::testing::{Script, ScriptedProvider, Step};
use insta::assert_snapshot;
use serde_json::json;
use tokio::sync::Notify;

use crate::support::{Answer, Event, Events, Key, TestHost, message, told, transcript};

async fn host(scripts: impl IntoIterator<Item = Script>) -> (TestHost, ScriptedProvider) {
    let provider = ScriptedProvider::new(scripts);
    (TestHost::with(|builder| builder.ai(provider.clone())).await, provider)
}

fn keyed(host: &TestHost, key: &Key, text: &str) -> reqwest::RequestBuilder {
    host.posting(key, "/api/v1/chat/stream", &message("chat-1", text)).header("Idempotency-Key", "once")
}

/// Goes on after the first piece when it is let go, so that each piece is an event.
fn gated(pieces: &[&str]) -> (Script, Arc<Notify>) {
    let go_on = Arc::new(Notify::new());
    let mut steps: Vec<Step> = pieces.iter().map(|&piece| Step::say(piece)).collect();
    steps.insert(1, Step::WaitFor(Arc::clone(&go_on)));
    (Script::new(steps), go_on)
}

/// Reads a gated answer.
async fn read_gated(mut events: Events, go_on: &Notify) -> Vec<Event> {
    let mut first = vec![events.next().await.unwrap(), events.next().await.unwrap()];
    go_on.notify_one();
    first.extend(events.rest().await);
    first
}

#[tokio::test]
async fn an_answer_is_read_as_it_is_written() {
    let (script, go_on) = gated(&["Hello ", "there,\n\nسلام"]);
    let (host, _) = host([script]).await;
    let key = host.user("Team").await;
    let stream = host.stream(&key, "chat-1", "Hi").await;
    assert_eq!(stream.header("idempotency-replayed"), None);
    let turn_id = stream.turn_id();
    let events = read_gated(stream, &go_on).await;
    assert_eq!((&events[0].data["turn_id"], &events[3].data["data"]["turn_id"]), (&json!(turn_id), &json!(turn_id)));
    assert_snapshot!(transcript(&events), @r#"
    0 start {"session_id":"internal_2_chat-1","turn_id":"[uuid]"}
    1 delta {"text":"Hello "}
    2 delta {"text":"there,\n\nسلام"}
    3 done {"data":{"command":null,"history_length":2,"message_count":1,"model":"GPT-5 Chat","session_id":"internal_2_chat-1","turn_id":"[uuid]","usage":{"completion_tokens":13,"cost_micros":0,"currency":"USD","estimated":true,"prompt_tokens":6,"total_tokens":19}},"response":"Hello there,\n\nسلام","success":true}
    "#);
}

#[tokio::test]
async fn the_end_is_what_chat_answers() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    let mut whole = host.say(&key, "chat-1", "Hello").await.json();
    let events = host.stream(&key, "chat-2", "Hello").await.rest().await;
    let mut end = events.last().unwrap().data.clone();
    for (data, chat) in [(&mut whole, "chat-1"), (&mut end, "chat-2")] {
        assert_eq!(data["data"]["session_id"], format!("internal_{}_{chat}", key.team));
        for field in ["session_id", "turn_id"] {
            data["data"].as_object_mut().unwrap().remove(field);
        }
    }
    assert_eq!(whole, end);
}

#[tokio::test]
async fn a_command_is_answered_in_one_piece() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    let events = host.stream(&key, "chat-1", "/clear").await.rest().await;
    assert_snapshot!(transcript(&events), @r#"
    0 start {"session_id":"internal_2_chat-1","turn_id":"[uuid]"}
    1 delta {"text":"The conversation is cleared. I remember nothing of it."}
    2 done {"data":{"command":"clear","history_length":0,"message_count":0,"model":"GPT-5 Chat","session_id":"internal_2_chat-1","turn_id":"[uuid]","usage":{"completion_tokens":0,"cost_micros":0,"currency":"USD","estimated":false,"prompt_tokens":0,"total_tokens":0}},"response":"The conversation is cleared. I remember nothing of it.","success":true}
    "#);
}

#[tokio::test]
async fn a_failure_is_the_problem_that_chat_would_give() {
    let (host, _) = host([
        Script::failing(AiErrorKind::Timeout),
        Script::failing(AiErrorKind::Timeout),
        Script::new([Step::say("half"), Step::Fail(AiErrorKind::Failed)]),
    ])
    .await;
    let key = host.user("Team").await;
    let mut problem = host.say(&key, "chat-1", "Hi").await.json();
    let request = host.posting(&key, "/api/v1/chat/stream", &message("chat-1", "Hi"));
    let mut events = host.open(request.header("X-Request-Id", "my own")).await.rest().await;
    let end = events.pop().unwrap();
    problem["request_id"] = json!("my own");
    assert_eq!((end.name.as_str(), end.data), ("error", problem));
    let events = host.stream(&key, "chat-1", "Hi").await.rest().await;
    assert_snapshot!(transcript(&events), @r#"
    0 start {"session_id":"internal_2_chat-1","turn_id":"[uuid]"}
    1 delta {"text":"half"}
    2 error {"detail":"The AI service failed.","error":"ai_service_error","request_id":"[uuid]","status":502,"success":false,"title":"AI service error","type":"urn:arash:error:ai_service_error"}
    "#);
}

#[tokio::test]
async fn what_is_refused_is_no_stream() {
    let platform = Platform::private("slow").models(["m"]).rate_limit(1);
    let host = TestHost::with(|builder| builder.platform(platform)).await;
    let key = host.user("Team").await;
    let post = |body: serde_json::Value| host.posting(&key, "/api/v1/chat/stream", &body);
    let plain = || host.request("POST", "/api/v1/chat/stream").body(message("c", "Hi").to_string());
    assert_eq!(host.send(plain().header("Content-Type", "application/json")).await.status, 401);
    assert_eq!(host.send(plain().bearer_auth(&key.secret)).await.status, 415);
    let mut public = message("c", "Hi");
    public["platform"] = json!("telegram");
    assert_eq!(host.send(post(public)).await.status, 403);
    let mut wrong = message("c", "Hi");
    wrong["model"] = json!("nothing of the kind");
    for body in [wrong, json!({"text": 1})] {
        assert_eq!(host.send(post(body)).await.status, 422);
    }
    assert_eq!(host.send(post(message("c", "Hi")).body("{")).await.status, 400);
    assert_eq!(host.send(post(message("c", "Hi")).header("Idempotency-Key", "")).await.status, 422);
    let mut slow = message("c", "Hi");
    slow["platform"] = json!("slow");
    drop(host.open(post(slow.clone())).await);
    let answer = host.send(post(slow)).await;
    assert_eq!((answer.status, answer.at("/error")), (429, json!("rate_limited")));
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn while_the_engine_is_away_nothing_is_streamed() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    drop(host.say(&key, "c", "Hi").await);
    host.engine.shutdown(Duration::from_secs(5)).await;
    let answer = host.send(host.posting(&key, "/api/v1/chat/stream", &message("c", "Hi"))).await;
    assert_eq!((answer.status, answer.at("/error")), (503, json!("unavailable")));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer() {
    let (script, go_on) = gated(&["one ", "two ", "three"]);
    let (host, provider) = host([script]).await;
    let key = host.user("Team").await;
    let first = host.open(keyed(&host, &key, "Hi")).await;
    assert_eq!(first.header("idempotency-replayed"), None);
    let turn_id = first.turn_id();
    let first = read_gated(first, &go_on).await;
    let again = host.open(keyed(&host, &key, "Hi")).await;
    assert_eq!((again.header("idempotency-replayed"), again.turn_id()), (Some("true"), turn_id));
    let again = again.rest().await;
    assert_eq!((again.len(), told(&again)), (3, told(&first)));
    assert_eq!((&again[0], again.last()), (&first[0], first.last()));
    assert_snapshot!(transcript(&again), @r#"
    0 start {"session_id":"internal_2_chat-1","turn_id":"[uuid]"}
    3 delta {"text":"one two three"}
    4 done {"data":{"command":null,"history_length":2,"message_count":1,"model":"GPT-5 Chat","session_id":"internal_2_chat-1","turn_id":"[uuid]","usage":{"completion_tokens":7,"cost_micros":0,"currency":"USD","estimated":true,"prompt_tokens":6,"total_tokens":13}},"response":"one two three","success":true}
    "#);
    let whole = host.posting(&key, "/api/v1/chat", &message("chat-1", "Hi")).header("Idempotency-Key", "once");
    let whole = host.send(whole).await;
    assert_eq!(whole.header("idempotency-replayed"), Some("true"));
    assert_eq!(whole.json(), first.last().unwrap().data, "whole or streamed, it is one request");
    assert_eq!(provider.calls(), 1);
    assert_eq!(host.send(keyed(&host, &key, "Something else")).await.status, 422);
}

#[tokio::test]
async fn a_repeated_request_that_failed_gets_the_same_problem() {
    let (host, provider) = host([Script::failing(AiErrorKind::Timeout)]).await;
    let key = host.user("Team").await;
    let events = host.open(keyed(&host, &key, "Hi")).await.rest().await;
    assert_eq!((events.len(), events[1].name.as_str()), (2, "error"));
    let again = host.send(keyed(&host, &key, "Hi")).await;
    assert_eq!((again.status, again.at("/error")), (504, events[1].data["error"].clone()));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(provider.calls(), 1);
}

#[tokio::test]
async fn while_a_stream_runs_the_same_request_is_refused() {
    let (host, _) = host([Script::new([Step::say("half"), Step::Hang])]).await;
    let key = host.user("Team").await;
    let mut running = host.open(keyed(&host, &key, "Hi")).await;
    assert_eq!(running.next().await.unwrap().name, "start");
    assert_eq!(running.next().await.unwrap().data, json!({"text": "half"}));
    let whole = host.posting(&key, "/api/v1/chat", &message("chat-1", "Hi")).header("Idempotency-Key", "once");
    for request in [keyed(&host, &key, "Hi"), whole] {
        let answer: Answer = host.send(request).await;
        assert_eq!((answer.status, answer.at("/error")), (409, json!("idempotency_in_progress")));
    }
}
