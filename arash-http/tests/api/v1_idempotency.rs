//! Completions that are asked for again with their idempotency key.

use arash_core::ai::AiErrorKind;
use arash_core::testing::{Script, ScriptedProvider, Step};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Answer, TestHost, question, question_with};

async fn once(host: &TestHost, key: &str, body: &Value) -> Answer {
    host.send(host.asking(&host.admin, body).header("Idempotency-Key", key)).await
}

fn replayed(answer: &Answer) -> (u16, Option<&str>) {
    (answer.status, answer.header("idempotency-replayed"))
}

fn streamed() -> Value {
    question_with(json!({"stream": true, "stream_options": {"include_usage": true}}))
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer() {
    let provider = ScriptedProvider::new([Script::saying("one"), Script::saying("two")]);
    let host = TestHost::with(|builder| builder.ai(provider.clone())).await;
    for (key, body) in [("whole", question("Hello")), ("streamed", streamed())] {
        let first = once(&host, key, &body).await;
        assert_eq!(replayed(&first), (200, None));
        let again = once(&host, key, &body).await;
        assert_eq!(replayed(&again), (200, Some("true")));
        assert_eq!((&again.text, again.header("x-turn-id")), (&first.text, first.header("x-turn-id")));
    }
    assert_eq!(provider.calls(), 2);
    assert_eq!(host.get(&host.admin, "/api/v1/usage").await.at("/totals/requests"), 2);
}

#[tokio::test]
async fn another_request_with_the_same_key_is_refused() {
    let host = TestHost::start().await;
    assert_eq!(once(&host, "a", &question("Hello")).await.status, 200);
    assert_snapshot!(once(&host, "a", &question("Hello!")).await, @r#"
    422
    {
      "error": {
        "code": "idempotency_mismatch",
        "message": "This idempotency key was used for another request before; use a new key for a new request.",
        "param": null,
        "type": "invalid_request_error"
      }
    }
    "#);
    assert_eq!(once(&host, "a", &streamed()).await.status, 422, "streamed it is another one");
    // Other operations have keys of their own.
    let message = crate::support::message("c", "Hello");
    assert_eq!(replayed(&host.post_once(&host.admin, "a", "/api/v1/chat", &message).await), (200, None));
}

#[tokio::test]
async fn while_it_is_answered_the_same_request_is_refused() {
    let provider = ScriptedProvider::new([Script::new([Step::say("half"), Step::Hang])]);
    let host = TestHost::with(|builder| builder.ai(provider.clone())).await;
    let running = host.open(host.asking(&host.admin, &streamed()).header("Idempotency-Key", "a")).await;
    let refused = once(&host, "a", &streamed()).await;
    assert_eq!((refused.status, refused.header("x-should-retry")), (409, None), "clients try again by themselves");
    assert_snapshot!(refused, @r#"
    409
    {
      "error": {
        "code": "idempotency_in_progress",
        "message": "A request with this idempotency key is being worked on; its result is given when it is done.",
        "param": null,
        "type": "invalid_request_error"
      }
    }
    "#);
    drop(running);
    assert_eq!(provider.calls(), 1);
}

#[tokio::test]
async fn a_failure_is_told_again_and_clients_do_not_insist() {
    let provider = ScriptedProvider::new([Script::failing(AiErrorKind::Timeout), Script::saying("never")]);
    let host = TestHost::with(|builder| builder.ai(provider.clone())).await;
    for body in [question("Hello"), question("Hello")] {
        let answer = once(&host, "a", &body).await;
        let is_again = answer.header("idempotency-replayed").is_some();
        assert_eq!((answer.status, answer.error().as_str()), (504, "ai_service_timeout"));
        assert_eq!(answer.header("x-should-retry"), is_again.then_some("false"));
    }
    assert_eq!(provider.calls(), 1);
}

#[tokio::test]
async fn refusals_are_not_kept_and_keys_are_checked() {
    let host = TestHost::start().await;
    let unknown = question_with(json!({"model": "no/such"}));
    assert_eq!(once(&host, "a", &unknown).await.status, 404);
    assert_eq!(replayed(&once(&host, "a", &question("Hello")).await), (200, None));
    let twice = host.asking(&host.admin, &question("Hello"));
    let answer = host.send(twice.header("Idempotency-Key", "a").header("Idempotency-Key", "b")).await;
    assert_eq!((answer.status, answer.fields()), (400, vec!["Idempotency-Key".to_owned()]));
    let long = once(&host, &"x".repeat(256), &question("Hello")).await;
    assert_eq!((long.status, long.fields()), (400, vec!["Idempotency-Key".to_owned()]));
}
