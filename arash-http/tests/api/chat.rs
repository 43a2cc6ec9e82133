use std::time::Duration;

use arash_core::Platform;
use arash_core::ai::AiErrorKind;
use arash_core::store::MemoryStore;
use arash_core::team::{KeySpec, TeamSpec};
use arash_core::testing::{Script, ScriptedProvider, Step};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Key, TestHost, message};

#[tokio::test]
async fn a_message_is_answered() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    assert_snapshot!(host.say(&key, "chat-1", "Hello").await, @r#"
    200
    {
      "data": {
        "command": null,
        "history_length": 2,
        "message_count": 1,
        "model": "GPT-5 Chat",
        "session_id": "internal_2_chat-1",
        "turn_id": "[uuid]",
        "usage": {
          "completion_tokens": 7,
          "cost_micros": 0,
          "currency": "USD",
          "estimated": true,
          "prompt_tokens": 7,
          "total_tokens": 14
        }
      },
      "response": "echo: Hello",
      "success": true
    }
    "#);
}

#[tokio::test]
async fn every_field_may_be_given() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    let body = json!({
        "platform": "internal", "user_id": "user 1", "chat_id": "چت_4/5", "message_id": "m1", "text": "Hello",
        "type": "text", "attachments": [], "model": "Small", "metadata": {"any": ["thing", null]},
    });
    let answer = host.post(&key, "/api/v1/chat", &body).await;
    assert_eq!(answer.status, 200, "{answer}");
    assert_eq!(answer.at("/data/model"), "Small");
    assert_eq!(answer.at("/data/session_id"), format!("internal_{}_چت_4/5", key.team));
}

#[tokio::test]
async fn null_is_as_good_as_left_out_where_there_is_a_default() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    let body =
        json!({"user_id": "u", "chat_id": "c", "text": "Hi", "message_id": null, "model": null, "metadata": null});
    assert_eq!(host.post(&key, "/api/v1/chat", &body).await.status, 200);
}

#[tokio::test]
async fn the_conversation_is_counted() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    for count in 1..=4 {
        let answer = host.say(&key, "chat-1", "Hello").await;
        assert_eq!(answer.at("/data/message_count"), count);
        assert_eq!(answer.at("/data/history_length"), (2 * count).min(4));
    }
}

#[tokio::test]
async fn a_command_is_named() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    let answer = host.say(&key, "chat-1", "/help").await;
    assert_eq!((answer.status, answer.at("/data/command")), (200, json!("help")));
    assert_eq!(answer.at("/data/usage/total_tokens"), 0);
}

#[tokio::test]
async fn a_repeated_request_is_answered_once() {
    let provider = ScriptedProvider::default();
    let host = TestHost::with(|builder| builder.ai(provider.clone())).await;
    let (key, other) = (host.user("Team").await, host.user("Other").await);
    let send = async |key: &Key, text: &str| {
        let body = message("chat-1", text);
        host.send(host.posting(key, "/api/v1/chat", &body).header("Idempotency-Key", "once")).await
    };
    let (first, again) = (send(&key, "Hello").await, send(&key, "Hello").await);
    assert_eq!(first.header("idempotency-replayed"), None);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(first.json(), again.json());
    assert_eq!(provider.calls(), 1);
    assert_snapshot!(send(&key, "Something else").await, @r#"
    422
    {
      "detail": "This idempotency key was used for another request before; use a new key for a new request.",
      "error": "idempotency_mismatch",
      "request_id": "[uuid]",
      "status": 422,
      "success": false,
      "title": "Idempotency key used for another request",
      "type": "urn:arash:error:idempotency_mismatch"
    }
    "#);
    assert_eq!(send(&other, "Something else").await.status, 200, "another key's requests are others");
}

#[tokio::test]
async fn an_idempotency_key_that_cannot_be_used_is_refused() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    for value in [vec![], vec![b'x'; 256], vec![0xff]] {
        let request = host.posting(&key, "/api/v1/chat", &message("c", "Hi"));
        let value = reqwest::header::HeaderValue::from_bytes(&value).unwrap();
        let answer = host.send(request.header("Idempotency-Key", value)).await;
        assert_eq!((answer.status, answer.fields()), (422, vec!["Idempotency-Key".to_owned()]));
    }
}

#[tokio::test]
async fn a_request_that_is_still_running_is_not_run_again() {
    let provider = ScriptedProvider::new([Script::new([Step::Hang])]);
    let host = TestHost::with(|builder| builder.ai(provider.clone())).await;
    let key = host.user("Team").await;
    let posting = || host.posting(&key, "/api/v1/chat", &message("c", "Hi")).header("Idempotency-Key", "once");
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(posting().send());
    while provider.running() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let answer = host.send(posting()).await;
    assert!(answer.header("retry-after").is_some());
    assert_snapshot!(answer, @r#"
    409
    {
      "detail": "A request with this idempotency key is being worked on; its result is given when it is done.",
      "error": "idempotency_in_progress",
      "request_id": "[uuid]",
      "status": 409,
      "success": false,
      "title": "Idempotent request in progress",
      "type": "urn:arash:error:idempotency_in_progress"
    }
    "#);
}

#[tokio::test]
async fn only_private_platforms_are_reachable() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    let mut body = message("c", "Hi");
    body["platform"] = "telegram".into();
    assert_snapshot!(host.post(&key, "/api/v1/chat", &body).await, @r#"
    403
    {
      "detail": "Platform \"telegram\" is public; only private platforms are reachable here.",
      "error": "forbidden",
      "request_id": "[uuid]",
      "status": 403,
      "success": false,
      "title": "Forbidden",
      "type": "urn:arash:error:forbidden"
    }
    "#);
    body["platform"] = "nowhere".into();
    let answer = host.post(&key, "/api/v1/chat", &body).await;
    assert_eq!((answer.status, answer.fields()), (422, vec!["platform".to_owned()]));
}

#[tokio::test]
async fn models_must_exist_and_be_allowed() {
    let host = TestHost::start().await;
    let spec = TeamSpec { allowed_models: Some(vec!["openai/gpt-5-chat".into()]), ..TeamSpec::named("Team") };
    let team = host.engine.teams().create(spec).await.unwrap();
    let issued = host.engine.keys().create(KeySpec::new(team.id, "key")).await.unwrap();
    let key = Key { secret: issued.secret.expose().to_owned(), team: team.id.0 };
    let ask = async |model: &str| {
        let mut body = message("c", "Hi");
        body["model"] = model.into();
        host.post(&key, "/api/v1/chat", &body).await
    };
    assert_eq!(ask("GPT-5 Chat").await.status, 200);
    assert_eq!(ask("lab/small").await.status, 403);
    let unknown = ask("no/such").await;
    assert_eq!((unknown.status, unknown.fields()), (422, vec!["model".to_owned()]));
}

#[tokio::test]
async fn the_rate_limit_is_told_in_headers() {
    let platform = || Platform::private("slow").models(["m"]).rate_limit(1);
    let host = TestHost::with(|builder| builder.platform(platform())).await;
    let key = host.user("Team").await;
    let mut body = message("c", "Hi");
    body["platform"] = "slow".into();
    assert_eq!(host.post(&key, "/api/v1/chat", &body).await.status, 200);
    let answer = host.post(&key, "/api/v1/chat", &body).await;
    assert_eq!((answer.status, answer.at("/error")), (429, json!("rate_limited")));
    assert_eq!(answer.header("ratelimit-policy"), Some("\"per-minute\";q=1;w=60"));
    assert_eq!(answer.header("ratelimit"), Some("\"per-minute\";r=0;t=60"));
    assert_eq!(answer.header("retry-after"), Some("60"));
}

#[tokio::test]
async fn the_quota_is_told_in_headers() {
    let host = TestHost::start().await;
    let team = host.engine.teams().create(TeamSpec::named("Team")).await.unwrap();
    let spec = KeySpec { daily_quota: Some(0), ..KeySpec::new(team.id, "key") };
    let issued = host.engine.keys().create(spec).await.unwrap();
    let key = Key { secret: issued.secret.expose().to_owned(), team: team.id.0 };
    let answer = host.say(&key, "c", "Hi").await;
    assert_eq!((answer.status, answer.at("/error")), (429, json!("quota_exceeded")));
    assert_eq!(answer.header("ratelimit-policy"), Some("\"daily\";q=0;w=86400"));
    assert!(answer.header("retry-after").is_some());
    assert_eq!(host.say(&key, "c", "/help").await.status, 200, "commands take no quota");
}

#[tokio::test]
async fn failures_of_the_ai_service_are_told_apart() {
    let failing = |kind| TestHost::with(move |builder| builder.ai(ScriptedProvider::new([Script::failing(kind)])));
    let host = failing(AiErrorKind::Refused).await;
    let key = host.user("Team").await;
    assert_snapshot!(host.say(&key, "c", "Hi").await, @r#"
    502
    {
      "detail": "The AI service refused the request as it is.",
      "error": "ai_service_error",
      "request_id": "[uuid]",
      "status": 502,
      "success": false,
      "title": "AI service error",
      "type": "urn:arash:error:ai_service_error"
    }
    "#);
    let host = failing(AiErrorKind::Timeout).await;
    let key = host.user("Team").await;
    assert_snapshot!(host.say(&key, "c", "Hi").await, @r#"
    504
    {
      "detail": "The AI service did not answer in time.",
      "error": "ai_service_timeout",
      "request_id": "[uuid]",
      "status": 504,
      "success": false,
      "title": "AI service timeout",
      "type": "urn:arash:error:ai_service_timeout"
    }
    "#);
}

#[tokio::test]
async fn a_defect_tells_nothing_of_itself() {
    let provider = ScriptedProvider::new([Script::new([Step::Panic])]);
    let host = TestHost::with(|builder| builder.ai(provider)).await;
    let key = host.user("Team").await;
    let answer = host.say(&key, "c", "Hi").await;
    assert_eq!(answer.status, 500, "{answer}");
    assert_eq!(answer.at("/detail"), "An internal error occurred; it was logged with this request id.");
}

#[tokio::test]
async fn a_service_that_shuts_down_is_unavailable() {
    let host = TestHost::with(|builder| builder.store(MemoryStore::default())).await;
    let key = host.user("Team").await;
    host.engine.shutdown(Duration::from_millis(10)).await;
    let answer = host.say(&key, "c", "Hi").await;
    assert_eq!((answer.status, answer.at("/error")), (503, json!("unavailable")));
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn a_failed_answer_is_given_again_as_it_was() {
    let provider = ScriptedProvider::default();
    provider.push(Script::failing(AiErrorKind::Overloaded));
    provider.push(Script::saying("too late"));
    let shared = provider.clone();
    let host = TestHost::with(|builder| builder.ai(shared)).await;
    let key = host.user("Team").await;
    let posting = || host.posting(&key, "/api/v1/chat", &message("c", "Hi")).header("Idempotency-Key", "once");
    let (first, again) = (host.send(posting()).await, host.send(posting()).await);
    assert_eq!((first.status, first.header("idempotency-replayed")), (502, None));
    assert_eq!((again.status, again.header("idempotency-replayed")), (502, Some("true")));
    assert_eq!(provider.calls(), 1);
}

#[tokio::test]
async fn metadata_is_part_of_a_request_that_is_repeated() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    let mut statuses = Vec::new();
    for metadata in [json!({"a": 1, "b": 2}), json!({"b": 2, "a": 1}), json!({"a": 2}), json!(null)] {
        let mut body = message("c", "Hi");
        body["metadata"] = metadata;
        let request = host.posting(&key, "/api/v1/chat", &body).header("Idempotency-Key", "once");
        statuses.push(host.send(request).await.status);
    }
    assert_eq!(statuses, [200, 200, 422, 422]);
}
