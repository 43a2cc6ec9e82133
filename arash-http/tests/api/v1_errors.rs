//! Failures under `/v1`, in OpenAI's shape.

use std::time::Duration;

use arash_core::ai::AiErrorKind;
use arash_core::id::TeamId;
use arash_core::testing::{Script, ScriptedProvider, Step};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::models::key_with_models;
use crate::support::{TestHost, question, question_with};

#[tokio::test]
async fn without_a_good_key_nothing_is_told() {
    let host = TestHost::start().await;
    let request = || {
        let request = host.request("POST", "/v1/chat/completions").header("Content-Type", "application/json");
        request.body(question("Hello").to_string())
    };
    let answer = host.send(request()).await;
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    assert_snapshot!(answer, @r#"
    401
    {
      "error": {
        "code": "invalid_api_key",
        "message": "A valid API key is needed: Authorization: Bearer <key>",
        "param": null,
        "type": "invalid_request_error"
      }
    }
    "#);
    assert_eq!(host.send(request().bearer_auth("sk-of-openai")).await.text, answer.text.clone());
    assert_eq!(host.send(host.request("GET", "/v1/models").bearer_auth("x")).await.status, 401);
}

#[tokio::test]
async fn a_key_of_an_inactive_team_is_forbidden() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    host.engine.teams().set_active(TeamId(key.team), false).await.unwrap();
    assert_snapshot!(host.complete(&key, &question("Hello")).await, @r#"
    403
    {
      "error": {
        "code": "forbidden",
        "message": "The team of this key is not active.",
        "param": null,
        "type": "invalid_request_error"
      }
    }
    "#);
}

#[tokio::test]
async fn a_model_that_is_not_there_is_not_found_and_one_that_is_not_open_forbidden() {
    let host = TestHost::start().await;
    let key = key_with_models(&host, &["lab/small"]).await;
    let ask = async |model: &str, stream: bool| {
        host.complete(&key, &question_with(json!({"model": model, "stream": stream}))).await
    };
    assert_snapshot!(ask("gpt-4o", false).await, @r#"
    404
    {
      "error": {
        "code": "model_not_found",
        "message": "\"gpt-4o\" is not a model of this platform; there is lab/small.",
        "param": "model",
        "type": "invalid_request_error"
      }
    }
    "#);
    assert_snapshot!(ask("openai/gpt-5-chat", false).await, @r#"
    403
    {
      "error": {
        "code": "forbidden",
        "message": "This team may not use the model openai/gpt-5-chat.",
        "param": null,
        "type": "invalid_request_error"
      }
    }
    "#);
    assert_eq!((ask("gpt-4o", true).await.status, ask("openai/gpt-5-chat", true).await.status), (404, 403));
}

#[tokio::test]
async fn what_is_not_acceptable_is_400_and_named() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    for (fields, param) in [
        (json!({"model": null}), Some("model")),
        (json!({"model": 5}), Some("model")),
        (json!({"model": ""}), Some("model")),
        (json!({"model": "x".repeat(256)}), Some("model")),
        (json!({"messages": null}), Some("messages")),
        (json!({"messages": []}), Some("messages")),
        (json!({"messages": [{"role": "user"}]}), Some("messages[0]")),
        (json!({"messages": [{"role": "user", "content": "a"}, {"content": "b"}]}), Some("messages[1]")),
        (json!({"stream": "yes"}), Some("stream")),
        (json!({"tools": {}}), Some("tools")),
        (json!({"stream_options": [true]}), Some("stream_options")),
        (json!({"user": "a\nb"}), Some("user")),
        (json!({"user": "x".repeat(129)}), Some("user")),
        (json!({"user": 5}), Some("user")),
    ] {
        let answer = host.complete(&key, &question_with(fields)).await;
        let told = answer.at("/error/param");
        assert_eq!((answer.status, told.as_str()), (400, param), "{answer}");
    }
    assert_snapshot!(host.complete(&key, &question_with(json!({"messages": "hi"}))).await, @r#"
    400
    {
      "error": {
        "code": "validation_failed",
        "message": "The request is not valid: messages must be an array of one message or more.",
        "param": "messages",
        "type": "invalid_request_error"
      }
    }
    "#);
}

#[tokio::test]
async fn what_is_not_json_is_400() {
    let host = TestHost::start().await;
    let post = |body: &'static [u8]| host.send(host.asking(&host.admin, &json!({})).body(body));
    assert_snapshot!(post(b"{\"model\": canary}").await, @r#"
    400
    {
      "error": {
        "code": "validation_failed",
        "message": "The request is not valid: body must be a JSON object; it is no JSON at line 1, column 11.",
        "param": null,
        "type": "invalid_request_error"
      }
    }
    "#);
    assert_snapshot!(post(b"").await, @r#"
    400
    {
      "error": {
        "code": "malformed_request",
        "message": "The body is empty; a JSON object is expected.",
        "param": null,
        "type": "invalid_request_error"
      }
    }
    "#);
    for body in [&b"{"[..], b"[]", b"null", b"{} {}", b"{\"model\": \"\xff\"}", b"{\"model\":1,\"model\":1}"] {
        let answer = post(body).await;
        assert_eq!((answer.status, answer.at("/error/param")), (400, Value::Null), "{answer}");
    }
}

#[tokio::test]
async fn a_body_must_be_plain_json_and_not_too_large() {
    let host = TestHost::start().await;
    let body = question("Hello").to_string();
    let post = || host.request("POST", "/v1/chat/completions").bearer_auth(&host.admin.secret).body(body.clone());
    assert_snapshot!(host.send(post()).await, @r#"
    415
    {
      "error": {
        "code": "unsupported_media_type",
        "message": "The body must be JSON: Content-Type: application/json.",
        "param": null,
        "type": "invalid_request_error"
      }
    }
    "#);
    let gzip = post().header("Content-Type", "application/json").header("Content-Encoding", "gzip");
    assert_eq!(host.send(gzip).await.status, 415);
    let mut line = host.connect().await;
    line.send(format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: 29013336\r\nConnection: close\r\n\r\n",
        host.admin.secret
    ))
    .await;
    let (answer, _) = line.rest().await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_snapshot!(answer.split_once("\r\n\r\n").unwrap().1, @r#"{"error":{"code":"payload_too_large","message":"The body is too large; at most 29010604 bytes are accepted.","param":null,"type":"invalid_request_error"}}"#);
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there_are_told_in_the_same_shape() {
    let host = TestHost::start().await;
    assert_snapshot!(host.send(host.request("POST", "/v1/embeddings")).await, @r#"
    404
    {
      "error": {
        "code": "not_found",
        "message": "There is nothing at this path.",
        "param": null,
        "type": "invalid_request_error"
      }
    }
    "#);
    for path in ["/v1", "/v1/", "/v1/chat", "/v1/chat/completions/", "/v1/responses"] {
        let answer = host.send(host.request("POST", path)).await;
        assert_eq!((answer.status, answer.at("/error/code")), (404, json!("not_found")), "{path}");
    }
    let answer = host.send(host.request("GET", "/v1/chat/completions")).await;
    assert_eq!(answer.header("allow"), Some("POST"));
    assert_snapshot!(answer, @r#"
    405
    {
      "error": {
        "code": "method_not_allowed",
        "message": "This path does not have this method.",
        "param": null,
        "type": "invalid_request_error"
      }
    }
    "#);
    assert_eq!(host.send(host.request("BREW", "/v1/models")).await.header("allow"), Some("GET, HEAD"));
}

#[tokio::test]
async fn failures_of_the_ai_service_have_their_status() {
    let scripts = [
        Script::failing(AiErrorKind::Connect),
        Script::failing(AiErrorKind::Timeout),
        Script::failing(AiErrorKind::Unavailable),
        Script::new([Step::Panic]),
    ];
    let host = TestHost::with(|builder| builder.ai(ScriptedProvider::new(scripts))).await;
    assert_snapshot!(host.complete(&host.admin, &question("Hello")).await, @r#"
    502
    {
      "error": {
        "code": "ai_service_error",
        "message": "The AI service could not be reached.",
        "param": null,
        "type": "server_error"
      }
    }
    "#);
    assert_snapshot!(host.complete(&host.admin, &question("Hello")).await, @r#"
    504
    {
      "error": {
        "code": "ai_service_timeout",
        "message": "The AI service did not answer in time.",
        "param": null,
        "type": "server_error"
      }
    }
    "#);
    assert_snapshot!(host.complete(&host.admin, &question("Hello")).await, @r#"
    503
    {
      "error": {
        "code": "unavailable",
        "message": "The AI service is not available for now.",
        "param": null,
        "type": "server_error"
      }
    }
    "#);
    assert_snapshot!(host.complete(&host.admin, &question("Hello")).await, @r#"
    500
    {
      "error": {
        "code": "internal_server_error",
        "message": "An internal error occurred; it was logged with this request id.",
        "param": null,
        "type": "server_error"
      }
    }
    "#);
}

#[tokio::test]
async fn a_conversation_that_is_too_long_is_the_clients_to_shorten() {
    let provider = ScriptedProvider::new([Script::failing(AiErrorKind::ContextLength)]);
    let host = TestHost::with(|builder| builder.ai(provider)).await;
    assert_snapshot!(host.complete(&host.admin, &question("Hello")).await, @r#"
    400
    {
      "error": {
        "code": "context_length_exceeded",
        "message": "The AI service cannot take a conversation of this length.",
        "param": null,
        "type": "invalid_request_error"
      }
    }
    "#);
}

#[tokio::test]
async fn while_the_engine_is_away_it_is_503() {
    let host = TestHost::start().await;
    drop(host.complete(&host.admin, &question("Hello")).await);
    host.engine.shutdown(Duration::from_secs(5)).await;
    for stream in [false, true] {
        let answer = host.complete(&host.admin, &question_with(json!({"stream": stream}))).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
        assert_eq!((answer.error(), answer.at("/error/type")), ("unavailable".to_owned(), json!("server_error")));
    }
}
