use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{TestHost, message};

#[tokio::test]
async fn every_fault_is_told_at_once() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    let body = json!({
        "platform": 7, "chat_id": "", "text": "x".repeat(32_769), "type": "video", "attachments": [{"kind": "image"}],
        "metadata": "none", "colour": "red",
    });
    assert_snapshot!(host.post(&key, "/api/v1/chat", &body).await, @r#"
    422
    {
      "detail": "The request is not valid: platform must be a text, not a number; user_id is missing; chat_id has 0 characters, 1 to 128 are accepted; type must be one of text, image, audio, document; metadata must be an object, not a text; colour is not a known field; text is 32769 bytes long, at most 32768 are accepted; attachments.0 must have either data or url.",
      "error": "validation_failed",
      "errors": [
        {
          "field": "platform",
          "message": "must be a text, not a number"
        },
        {
          "field": "user_id",
          "message": "is missing"
        },
        {
          "field": "chat_id",
          "message": "has 0 characters, 1 to 128 are accepted"
        },
        {
          "field": "type",
          "message": "must be one of text, image, audio, document"
        },
        {
          "field": "metadata",
          "message": "must be an object, not a text"
        },
        {
          "field": "colour",
          "message": "is not a known field"
        },
        {
          "field": "text",
          "message": "is 32769 bytes long, at most 32768 are accepted"
        },
        {
          "field": "attachments.0",
          "message": "must have either data or url"
        }
      ],
      "request_id": "[uuid]",
      "status": 422,
      "success": false,
      "title": "Validation failed",
      "type": "urn:arash:error:validation_failed"
    }
    "#);
}

#[tokio::test]
async fn each_limit_is_kept_to_the_letter() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    let with = |field: &str, value: Value| {
        let mut body = message("c", "Hi");
        body[field] = value;
        body
    };
    let accepted = [
        with("user_id", "آ".repeat(128).into()),
        with("chat_id", "x".repeat(128).into()),
        with("text", "x".repeat(32_768).into()),
        with("metadata", json!({"a": "x".repeat(4_096 - 8)})),
    ];
    for body in accepted {
        assert_eq!(host.post(&key, "/api/v1/chat", &body).await.status, 200);
    }
    let refused = [
        ("user_id", "آ".repeat(129).into()),
        ("chat_id", "a\u{7}b".into()),
        ("message_id", "a\nb".into()),
        ("text", "x".repeat(32_769).into()),
        ("text", " \n".into()),
        ("text", Value::Null),
        ("type", Value::Bool(true)),
        ("attachments", json!({})),
        ("metadata", json!({"a": "x".repeat(4_097 - 8)})),
        ("metadata", json!([])),
        ("extra", Value::Null),
    ];
    for (field, value) in refused {
        let answer = host.post(&key, "/api/v1/chat", &with(field, value)).await;
        assert_eq!((answer.status, answer.fields()), (422, vec![field.to_owned()]), "{answer}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_object_is_invalid() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    assert_snapshot!(host.post(&key, "/api/v1/chat", &json!([1])).await, @r#"
    422
    {
      "detail": "The request is not valid: body must be an object, not an array.",
      "error": "validation_failed",
      "errors": [
        {
          "field": "body",
          "message": "must be an object, not an array"
        }
      ],
      "request_id": "[uuid]",
      "status": 422,
      "success": false,
      "title": "Validation failed",
      "type": "urn:arash:error:validation_failed"
    }
    "#);
}

#[tokio::test]
async fn a_body_of_very_many_values_costs_its_sender_and_nobody_else() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    // Many faults are told in part, and what is too long is not looked through.
    let mut body = message("c", "Hi");
    for number in 0..1_000 {
        body[format!("field {number}")] = json!(1);
    }
    let answer = host.post(&key, "/api/v1/chat", &body).await;
    assert_eq!((answer.status, answer.fields().len()), (422, 50));
    assert!(answer.text.len() < 16_384, "{}", answer.text.len());
    let mut body = message("c", "Hi");
    body["attachments"] = json!(vec![1; 60_000]);
    let answer = host.post(&key, "/api/v1/chat", &body).await;
    assert_eq!((answer.status, answer.fields().len()), (422, 11), "the list, and as many entries as are accepted");
    body["attachments"] = json!(vec![1; 70_000]);
    let answer = host.post(&key, "/api/v1/chat", &body).await;
    assert_eq!((answer.status, answer.fields()), (422, vec!["body".to_owned()]));
    assert!(answer.text.contains("more than 65536 values"), "{}", answer.text);
}

#[tokio::test]
async fn public_platforms_are_not_reachable_here() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    let mut body = message("c", "Hi");
    body["platform"] = json!("telegram");
    assert_eq!(host.post(&key, "/api/v1/chat", &body).await.status, 403);
    assert_eq!(host.get(&key, "/api/v1/session/telegram_123").await.status, 403);
    assert_eq!(host.get(&host.admin, "/api/v1/session/telegram_123").await.status, 404);
}
