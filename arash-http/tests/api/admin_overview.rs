use arash_core::Platform;
use arash_core::team::AccessLevel;
use insta::assert_snapshot;
use serde_json::Value;

use crate::support::{Answer, TestHost};

const ADMIN: &str = "/api/v1/admin";

#[tokio::test]
async fn the_service_is_shown_with_and_without_the_final_slash() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    host.say(&key, "c", "Hello").await;
    let mut answer = host.get(&host.admin, ADMIN).await;
    assert_eq!(answer.at("/version"), env!("CARGO_PKG_VERSION"));
    answer.text = answer.text.replace(env!("CARGO_PKG_VERSION"), "[version]");
    assert_snapshot!(answer, @r#"
    200
    {
      "active_sessions": 1,
      "platforms": {
        "internal": {
          "model_switching": true,
          "models": [
            "GPT-5 Chat",
            "Small"
          ],
          "rate_limit": 60,
          "type": "private"
        },
        "telegram": {
          "model": "GPT-5 Chat",
          "model_switching": false,
          "rate_limit": 20,
          "type": "public"
        }
      },
      "service": "Arash External API Service",
      "status": "healthy",
      "timestamp": "[time]",
      "version": "[version]"
    }
    "#);
    let with_slash = host.get(&host.admin, &format!("{ADMIN}/")).await;
    let keys = |answer: &Answer| answer.json().as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!((with_slash.status, keys(&with_slash)), (200, keys(&answer)));
    for (method, path) in [("POST", ADMIN), ("DELETE", "/api/v1/admin/")] {
        let answer = host.send(host.request(method, path)).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method} {path}");
    }
}

#[tokio::test]
async fn platforms_are_shown_by_name() {
    let host = TestHost::start().await;
    assert_snapshot!(host.get(&host.admin, "/api/v1/admin/platforms").await, @r#"
    200
    {
      "internal": {
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
      "telegram": {
        "available_models": [
          "GPT-5 Chat"
        ],
        "commands": [
          "start",
          "help",
          "status",
          "clear",
          "model",
          "models"
        ],
        "features": {
          "model_switching": false,
          "requires_auth": false
        },
        "max_history": 10,
        "model": "GPT-5 Chat",
        "rate_limit": 20,
        "type": "public"
      }
    }
    "#);
}

#[tokio::test]
async fn only_platforms_that_are_configured_are_shown() {
    let host = TestHost::with(|builder| builder.platform(Platform::private("web").models(["lab/one"]))).await;
    let names = |answer: Value| answer.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let expected = ["internal", "telegram", "web"];
    assert_eq!(names(host.get(&host.admin, ADMIN).await.at("/platforms")), expected);
    let platforms = host.get(&host.admin, "/api/v1/admin/platforms").await.json();
    assert_eq!(platforms["web"]["rate_limit"], Value::Null, "no limit");
    assert_eq!(platforms["web"]["features"]["model_switching"], false, "there is one model");
    assert_eq!(names(platforms), expected);
}

#[tokio::test]
async fn a_session_has_the_entry_of_its_platform() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    host.say(&key, "c", "Hello").await;
    let session = host.get(&key, &format!("/api/v1/session/internal_{}_c", key.team)).await;
    let platforms = host.get(&host.admin, "/api/v1/admin/platforms").await;
    assert_eq!(session.at("/platform_config"), platforms.at("/internal"));
}

#[tokio::test]
async fn what_is_shown_needs_the_level() {
    let host = TestHost::start().await;
    let lead = host.key("Team", AccessLevel::TeamLead).await;
    for path in
        ["", "/", "/platforms", "/stats", "/usage/recent", "/usage/team/1", "/usage/api-key/x", "/usage/quota/1"]
    {
        let path = format!("{ADMIN}{path}");
        assert_eq!(host.get(&lead, &path).await.status, 403, "{path}");
        assert_eq!(host.send(host.request("GET", &path)).await.status, 401, "{path}");
    }
}
