use insta::assert_snapshot;
use serde_json::Value;

use crate::support::{Key, TestHost};

async fn session_ids(host: &TestHost, key: &Key, path: &str) -> (Vec<String>, Option<String>) {
    let answer = host.get(key, path).await;
    assert_eq!(answer.status, 200, "{answer}");
    let sessions = answer.at("/sessions");
    let id = |session: &Value| session["session_id"].as_str().unwrap().to_owned();
    let ids = sessions.as_array().unwrap().iter().map(id).collect();
    (ids, answer.at("/next_cursor").as_str().map(str::to_owned))
}

#[tokio::test]
async fn a_list_shows_the_teams_own_sessions() {
    let host = TestHost::start().await;
    let (key, other) = (host.user("Team").await, host.user("Other").await);
    host.say(&key, "chat-1", "Hello").await;
    host.say(&other, "chat-1", "Hello").await;
    assert_snapshot!(host.get(&key, "/api/v1/sessions").await, @r#"
    200
    {
      "authenticated": true,
      "next_cursor": null,
      "sessions": [
        {
          "chat_id": "chat-1",
          "current_model": "GPT-5 Chat",
          "history_length": 2,
          "last_activity": "[time]",
          "message_count": 1,
          "platform": "internal",
          "session_id": "internal_2_chat-1",
          "user_id": "user-1"
        }
      ],
      "total": 1
    }
    "#);
    assert_eq!(host.get(&host.admin, "/api/v1/sessions").await.at("/total"), 2);
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    for chat in ["a", "b", "c", "d", "e"] {
        host.say(&key, chat, "Hello").await;
    }
    let (mut seen, mut path) = (Vec::new(), "/api/v1/sessions?limit=2".to_owned());
    loop {
        let (ids, next) = session_ids(&host, &key, &path).await;
        seen.extend(ids);
        let Some(cursor) = next else { break };
        path = format!("/api/v1/sessions?limit=2&cursor={cursor}");
    }
    let team = key.team;
    seen.sort();
    assert_eq!(seen, ["a", "b", "c", "d", "e"].map(|chat| format!("internal_{team}_{chat}")));
    assert_eq!(session_ids(&host, &key, "/api/v1/sessions?limit=5").await.1, None);
}

#[tokio::test]
async fn query_values_out_of_range_are_invalid() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    assert_snapshot!(host.get(&key, "/api/v1/sessions?limit=201").await, @r#"
    422
    {
      "detail": "The request is not valid: limit must be a whole number from 1 to 200.",
      "error": "validation_failed",
      "errors": [
        {
          "field": "limit",
          "message": "must be a whole number from 1 to 200"
        }
      ],
      "request_id": "[uuid]",
      "status": 422,
      "success": false,
      "title": "Validation failed",
      "type": "urn:arash:error:validation_failed"
    }
    "#);
    for (query, field) in
        [("limit=0", "limit"), ("limit=x", "limit"), ("limit=", "limit"), ("limit=-1", "limit"), ("cursor=!", "cursor")]
    {
        let answer = host.get(&key, &format!("/api/v1/sessions?{query}")).await;
        assert_eq!((answer.status, answer.fields()), (422, vec![field.to_owned()]), "{query}");
    }
}

#[tokio::test]
async fn a_session_is_shown_with_the_rules_of_its_platform() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    host.say(&key, "chat_4_5", "Hello").await;
    let answer = host.get(&key, &format!("/api/v1/session/internal_{}_chat_4_5", key.team)).await;
    assert_snapshot!(answer, @r#"
    200
    {
      "history_length": 2,
      "platform_config": {
        "available_models": [
          "GPT-5 Chat",
          "Small"
        ],
        "commands": [
          "start",
          "help",
          "status",
          "clear",
          "model",
          "models"
        ],
        "default_model": "GPT-5 Chat",
        "features": {
          "model_switching": true,
          "requires_auth": true
        },
        "max_history": 4,
        "rate_limit": 60,
        "type": "private"
      },
      "session": {
        "chat_id": "chat_4_5",
        "created_at": "[time]",
        "current_model": "GPT-5 Chat",
        "last_activity": "[time]",
        "message_count": 1,
        "platform": "internal",
        "session_id": "internal_2_chat_4_5",
        "team_id": 2,
        "uptime_seconds": 0,
        "user_id": "user-1"
      }
    }
    "#);
}

#[tokio::test]
async fn another_teams_session_is_forbidden_and_an_own_missing_one_not_found() {
    let host = TestHost::start().await;
    let (key, other) = (host.user("Team").await, host.user("Other").await);
    host.say(&other, "there", "Hello").await;
    let (team, foreign) = (key.team, other.team);
    for path in [format!("internal_{foreign}_there"), format!("internal_{foreign}_not-there"), "telegram_1".to_owned()]
    {
        let path = format!("/api/v1/session/{path}");
        assert_eq!(host.get(&key, &path).await.status, 403, "{path}");
        assert_eq!(host.delete(&key, &path).await.status, 403, "{path}");
    }
    for path in [
        format!("internal_{team}_not-there"),
        "nonsense".to_owned(),
        "nowhere_1_c".to_owned(),
        "internal_01_c".to_owned(),
    ] {
        let path = format!("/api/v1/session/{path}");
        assert_eq!(host.get(&key, &path).await.status, 404, "{path}");
        assert_eq!(host.delete(&key, &path).await.status, 404, "{path}");
    }
    assert_eq!(host.get(&host.admin, &format!("/api/v1/session/internal_{foreign}_there")).await.status, 200);
    assert_snapshot!(host.get(&key, "/api/v1/session/internal_0_x").await, @r#"
    403
    {
      "detail": "Session internal_0_x belongs to another team.",
      "error": "forbidden",
      "request_id": "[uuid]",
      "status": 403,
      "success": false,
      "title": "Forbidden",
      "type": "urn:arash:error:forbidden"
    }
    "#);
}

#[tokio::test]
async fn a_deleted_session_is_gone() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    host.say(&key, "c", "Hello").await;
    let path = format!("/api/v1/session/internal_{}_c", key.team);
    assert_snapshot!(host.delete(&key, &path).await, @r#"
    200
    {
      "message": "Session deleted",
      "success": true
    }
    "#);
    assert_eq!(host.get(&key, &path).await.status, 404);
    assert_eq!(host.delete(&key, &path).await.status, 404);
    assert_eq!(host.say(&key, "c", "Hello").await.at("/data/message_count"), 1);
}
