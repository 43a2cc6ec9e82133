//! `POST /v1/chat/completions`, streamed: every byte of it.

use std::sync::Arc;
use std::time::Duration;

use arash_core::ai::{AiErrorKind, ChatDelta, FinishReason};
use arash_core::settings::HttpSettings;
use arash_core::testing::{Script, ScriptedProvider, Step};
use arash_core::usage::TokenUsage;
use insta::assert_snapshot;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::{TestHost, question_with};

const USAGE: TokenUsage = TokenUsage { prompt_tokens: 12, completion_tokens: 3, estimated: false };

fn streamed() -> Value {
    question_with(json!({"stream": true}))
}

fn streamed_with_usage() -> Value {
    question_with(json!({"stream": true, "stream_options": {"include_usage": true}}))
}

async fn host(scripts: impl IntoIterator<Item = Script>) -> TestHost {
    TestHost::with(|builder| builder.ai(ScriptedProvider::new(scripts))).await
}

fn hello() -> Script {
    Script::new([Step::say("Hi \"Sara\",\n"), Step::say(""), Step::say("سلام"), Step::Usage(USAGE)])
}

#[tokio::test]
async fn an_answer_comes_in_chunks() {
    let host = host([hello()]).await;
    let answer = host.complete(&host.admin, &streamed()).await;
    let head =
        ["content-type", "x-accel-buffering", "cache-control", "idempotency-replayed"].map(|name| answer.header(name));
    assert_eq!(head, [Some("text/event-stream"), Some("no"), Some("no-store"), None]);
    assert!(answer.text.contains(&format!("chatcmpl-{}", answer.header("x-turn-id").unwrap())));
    assert_snapshot!(answer.chunks(), @r#"
    data: {"choices":[{"delta":{"content":"Hi \"Sara\",\n","role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"created":[seconds],"id":"chatcmpl-[uuid]","model":"lab/small","object":"chat.completion.chunk"}

    data: {"choices":[{"delta":{"content":"سلام"},"finish_reason":null,"index":0,"logprobs":null}],"created":[seconds],"id":"chatcmpl-[uuid]","model":"lab/small","object":"chat.completion.chunk"}

    data: {"choices":[{"delta":{},"finish_reason":"stop","index":0,"logprobs":null}],"created":[seconds],"id":"chatcmpl-[uuid]","model":"lab/small","object":"chat.completion.chunk"}

    data: [DONE]
    "#);
}

#[tokio::test]
async fn the_tokens_are_told_if_they_are_asked_for() {
    let host = host([hello()]).await;
    let answer = host.complete(&host.admin, &streamed_with_usage()).await;
    assert_snapshot!(answer.chunks(), @r#"
    data: {"choices":[{"delta":{"content":"Hi \"Sara\",\n","role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"created":[seconds],"id":"chatcmpl-[uuid]","model":"lab/small","object":"chat.completion.chunk"}

    data: {"choices":[{"delta":{"content":"سلام"},"finish_reason":null,"index":0,"logprobs":null}],"created":[seconds],"id":"chatcmpl-[uuid]","model":"lab/small","object":"chat.completion.chunk"}

    data: {"choices":[{"delta":{},"finish_reason":"stop","index":0,"logprobs":null}],"created":[seconds],"id":"chatcmpl-[uuid]","model":"lab/small","object":"chat.completion.chunk"}

    data: {"choices":[],"created":[seconds],"id":"chatcmpl-[uuid]","model":"lab/small","object":"chat.completion.chunk","usage":{"completion_tokens":3,"prompt_tokens":12,"total_tokens":15}}

    data: [DONE]
    "#);
}

#[tokio::test]
async fn calls_of_tools_are_chunks_too() {
    let script = Script::new([Step::call("c1", "clock", "{}"), Step::call("c2", "calendar", r#"{"day": 1}"#)]);
    let host = host([script]).await;
    assert_snapshot!(host.complete(&host.admin, &streamed()).await.chunks(), @r#"
    data: {"choices":[{"delta":{"role":"assistant","tool_calls":[{"function":{"arguments":"{}","name":"clock"},"id":"c1","index":0,"type":"function"}]},"finish_reason":null,"index":0,"logprobs":null}],"created":[seconds],"id":"chatcmpl-[uuid]","model":"lab/small","object":"chat.completion.chunk"}

    data: {"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{\"day\": 1}","name":"calendar"},"id":"c2","index":1,"type":"function"}]},"finish_reason":null,"index":0,"logprobs":null}],"created":[seconds],"id":"chatcmpl-[uuid]","model":"lab/small","object":"chat.completion.chunk"}

    data: {"choices":[{"delta":{},"finish_reason":"tool_calls","index":0,"logprobs":null}],"created":[seconds],"id":"chatcmpl-[uuid]","model":"lab/small","object":"chat.completion.chunk"}

    data: [DONE]
    "#);
}

#[tokio::test]
async fn the_reason_of_the_end_is_the_providers() {
    let script = Script::new([Step::say("Hi"), Step::Give(ChatDelta::Finish(FinishReason::Length))]);
    let host = host([script]).await;
    assert!(host.complete(&host.admin, &streamed()).await.text.contains(r#""finish_reason":"length""#));
}

#[tokio::test]
async fn what_fails_before_the_first_piece_is_a_status() {
    let scripts = [AiErrorKind::Connect, AiErrorKind::Timeout, AiErrorKind::Unavailable].map(Script::failing);
    let host = host(scripts).await;
    for (status, error) in [(502, "ai_service_error"), (504, "ai_service_timeout"), (503, "unavailable")] {
        let answer = host.complete(&host.admin, &streamed()).await;
        assert_eq!((answer.status, answer.error().as_str()), (status, error));
    }
}

#[tokio::test]
async fn what_fails_later_ends_the_stream_with_an_error() {
    let host = host([Script::new([Step::say("half"), Step::Fail(AiErrorKind::Failed)])]).await;
    let answer = host.complete(&host.admin, &streamed()).await;
    assert_eq!(answer.status, 200);
    assert_snapshot!(answer.chunks(), @r#"
    data: {"choices":[{"delta":{"content":"half","role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"created":[seconds],"id":"chatcmpl-[uuid]","model":"lab/small","object":"chat.completion.chunk"}

    data: {"error":{"code":"ai_service_error","message":"The AI service failed.","param":null,"type":"server_error"}}
    "#);
}

#[tokio::test]
async fn a_silence_before_the_first_piece_is_kept_alive() {
    let gate = Arc::new(Notify::new());
    let script = Script::new([Step::WaitFor(Arc::clone(&gate)), Step::say("late")]);
    let mut settings = HttpSettings::default();
    settings.keep_alive = Duration::from_millis(20);
    let host = TestHost::with_settings(|builder| builder.ai(ScriptedProvider::new([script])), settings).await;
    // The head comes although nothing was said yet.
    let mut stream = host.open(host.asking(&host.admin, &streamed())).await;
    tokio::join!(async { assert!(stream.next_data().await.unwrap().contains("late")) }, async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        gate.notify_one();
    });
    assert!(stream.comments >= 2, "{}", stream.comments);
    assert!(stream.next_data().await.unwrap().contains("stop"));
    assert_eq!(stream.next_data().await.as_deref(), Some("[DONE]"));
}

#[tokio::test]
async fn each_word_arrives_before_the_next_one_is_said() {
    const WORDS: usize = 20;
    let gate = Arc::new(Notify::new());
    let steps = (0..WORDS).flat_map(|number| [Step::say(format!("{number} ")), Step::WaitFor(Arc::clone(&gate))]);
    let host = host([Script::new(steps)]).await;
    let mut stream = host.open(host.asking(&host.admin, &streamed())).await;
    for number in 0..WORDS {
        let data = tokio::time::timeout(Duration::from_secs(10), stream.next_data()).await.unwrap().unwrap();
        let chunk: Value = serde_json::from_str(&data).unwrap();
        assert_eq!(chunk["choices"][0]["delta"]["content"], format!("{number} "));
        gate.notify_one();
    }
    assert!(stream.next_data().await.unwrap().contains("stop"));
    assert_eq!((stream.next_data().await.as_deref(), stream.next_data().await), (Some("[DONE]"), None));
}

#[tokio::test]
async fn a_stream_that_the_host_cannot_end_says_so() {
    let mut host = host([Script::new([Step::say("half"), Step::Hang])]).await;
    let mut stream = host.open(host.asking(&host.admin, &streamed())).await;
    assert!(stream.next_data().await.unwrap().contains("half"));
    let engine = host.engine.clone();
    engine.interrupt().await;
    let end: Value = serde_json::from_str(&stream.next_data().await.unwrap()).unwrap();
    assert_eq!((&end["error"]["type"], &end["error"]["code"]), (&json!("server_error"), &json!("unavailable")));
    assert_eq!(stream.next_data().await, None);
    host.stop().await;
}
