use arash_core::team::AccessLevel;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Answer, TestHost};

const OWN: &str = "/api/v1/team/webhook";
const URL: &str = "https://example.com/hook";

async fn put(host: &TestHost, body: Value) -> Answer {
    host.put(&host.admin, "/api/v1/admin/1/webhook", &body).await
}

async fn shown(host: &TestHost) -> Answer {
    host.get(&host.admin, "/api/v1/admin/1/webhook").await
}

fn text(answer: &Answer, pointer: &str) -> String {
    answer.at(pointer).as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_webhook_is_made_with_a_secret_that_is_shown_once() {
    let host = TestHost::start().await;
    let made = put(&host, json!({"webhook_url": URL})).await;
    assert_snapshot!(made, @r#"
    200
    {
      "disabled_reason": null,
      "events": [
        "message.completed"
      ],
      "failing_since": null,
      "previous_secret_expires_at": null,
      "team_id": 1,
      "updated_at": "[time]",
      "webhook_enabled": true,
      "webhook_secret": "[secret]",
      "webhook_url": "https://example.com/hook"
    }
    "#);
    let secret = text(&made, "/webhook_secret");
    assert_eq!(secret.len(), "whsec_".len() + 44);
    let found = shown(&host).await;
    assert_snapshot!(found, @r#"
    200
    {
      "disabled_reason": null,
      "events": [
        "message.completed"
      ],
      "failing_since": null,
      "previous_secret_expires_at": null,
      "team_id": 1,
      "updated_at": "[time]",
      "webhook_enabled": true,
      "webhook_secret": "[secret hint]",
      "webhook_url": "https://example.com/hook"
    }
    "#);
    assert_eq!(text(&found, "/webhook_secret"), format!("whsec_…{}", &secret[46..]));
    assert_eq!(put(&host, json!({})).await.json(), found.json(), "what changes nothing shows nothing");
}

#[tokio::test]
async fn a_secret_is_kept_made_anew_or_ones_own() {
    let host = TestHost::start().await;
    let first = text(&put(&host, json!({"webhook_url": URL})).await, "/webhook_secret");
    let kept = put(&host, json!({"webhook_url": "https://example.com/other"})).await;
    assert_eq!(kept.at("/previous_secret_expires_at"), json!(null));
    assert!(text(&kept, "/webhook_secret").starts_with("whsec_…"));
    let anew = put(&host, json!({"webhook_secret": null})).await;
    assert!(text(&anew, "/webhook_secret").len() == first.len() && text(&anew, "/webhook_secret") != first);
    assert!(anew.at("/previous_secret_expires_at").is_string());
    for (own, hint) in [
        ("my-own-words-of-16", "…f-16"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_…LaSw"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_…LaSw"),
    ] {
        let told = put(&host, json!({"webhook_secret": own})).await;
        assert_eq!((told.status, told.at("/webhook_secret")), (200, json!(hint)));
        assert!(!told.text.contains(own));
    }
    assert_eq!(shown(&host).await.at("/webhook_secret"), "whsec_…LaSw");
}

#[tokio::test]
async fn a_webhook_is_switched_off_and_on() {
    let host = TestHost::start().await;
    put(&host, json!({"webhook_url": URL, "events": ["key.created", "message.failed", "key.created"]})).await;
    let enabled = async || host.get(&host.admin, "/api/v1/admin/teams/1").await.at("/webhook_enabled");
    assert_eq!(enabled().await, json!(true));
    let off = put(&host, json!({"webhook_enabled": false})).await;
    assert_eq!((off.at("/webhook_enabled"), off.at("/webhook_url")), (json!(false), json!(URL)));
    assert_eq!(off.at("/events"), json!(["message.failed", "key.created"]));
    assert_eq!(enabled().await, json!(false));
    put(&host, json!({"webhook_enabled": true})).await;
    assert_eq!(enabled().await, json!(true));
}

#[tokio::test]
async fn what_there_is_not_is_not_found() {
    let host = TestHost::start().await;
    assert_snapshot!(shown(&host).await, @r#"
    404
    {
      "detail": "Team 1 has no webhook.",
      "error": "not_found",
      "request_id": "[uuid]",
      "status": 404,
      "success": false,
      "title": "Not found",
      "type": "urn:arash:error:not_found"
    }
    "#);
    for path in ["/api/v1/admin/999/webhook", "/api/v1/admin/0/webhook", "/api/v1/admin/x/webhook"] {
        assert_eq!(host.get(&host.admin, path).await.status, 404, "{path}");
        assert_eq!(host.put(&host.admin, path, &json!({"webhook_url": URL})).await.status, 404, "{path}");
    }
    let path = "/api/v1/admin/999/webhook/deliveries";
    assert_eq!(host.get(&host.admin, path).await.status, 404);
}

#[tokio::test]
async fn the_first_time_an_address_is_needed() {
    let host = TestHost::start().await;
    assert_snapshot!(put(&host, json!({"webhook_enabled": true})).await, @r#"
    422
    {
      "detail": "The request is not valid: webhook_url is missing; there is none yet.",
      "error": "validation_failed",
      "errors": [
        {
          "field": "webhook_url",
          "message": "is missing; there is none yet"
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
async fn every_field_at_fault_is_named_with_what_is_accepted() {
    let host = TestHost::start().await;
    let wrong =
        json!({"webhook_url": "ftp://x", "webhook_secret": "short", "webhook_enabled": 1, "events": ["message.sent"]});
    assert_snapshot!(put(&host, wrong).await, @r#"
    422
    {
      "detail": "The request is not valid: webhook_url must begin with https:// or http://, without control characters; webhook_secret has 5 characters, 8 to 256 are accepted; webhook_enabled must be true or false, not a number; events.0 must be one of message.completed, message.failed, quota.threshold, key.created, key.revoked, webhook.test.",
      "error": "validation_failed",
      "errors": [
        {
          "field": "webhook_url",
          "message": "must begin with https:// or http://, without control characters"
        },
        {
          "field": "webhook_secret",
          "message": "has 5 characters, 8 to 256 are accepted"
        },
        {
          "field": "webhook_enabled",
          "message": "must be true or false, not a number"
        },
        {
          "field": "events.0",
          "message": "must be one of message.completed, message.failed, quota.threshold, key.created, key.revoked, webhook.test"
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
async fn what_cannot_be_used_changes_nothing() {
    let host = TestHost::start().await;
    for (field, values) in [
        (
            "webhook_url",
            vec![
                json!(null),
                json!(""),
                json!("http://example.com"),
                json!("https://localhost/hook"),
                json!("https://me:hunter2@example.com"),
                json!("https://10.0.0.7"),
                json!(format!("https://example.com/{}", "x".repeat(2_048))),
            ],
        ),
        (
            "webhook_secret",
            vec![json!("seven77"), json!("with space in it"), json!("x".repeat(257)), json!("whsec_short"), json!(1)],
        ),
        ("events", vec![json!([]), json!(null), json!("message.completed")]),
        ("webhook_enabled", vec![json!(null), json!("true")]),
    ] {
        for value in values {
            let mut body = json!({"webhook_url": URL});
            body[field] = value.clone();
            let answer = put(&host, body).await;
            assert_eq!((answer.status, answer.fields()), (422, vec![field.to_owned()]), "{value}: {}", answer.text);
            assert!(!answer.text.contains("hunter2") && !answer.text.contains("whsec_short"));
        }
    }
    assert_eq!(shown(&host).await.status, 404);
}

#[tokio::test]
async fn a_team_lead_has_the_own_webhook_and_no_other() {
    let host = TestHost::start().await;
    let lead = host.key("Team", AccessLevel::TeamLead).await;
    let user = host.key_of(lead.team, AccessLevel::User).await;
    put(&host, json!({"webhook_url": "https://example.com/of-the-admins"})).await;
    assert_eq!(host.get(&lead, OWN).await.status, 404);
    let made = host.put(&lead, OWN, &json!({"webhook_url": URL})).await;
    assert_eq!((made.status, made.at("/team_id")), (200, json!(lead.team)));
    let found = host.get(&lead, OWN).await;
    assert_eq!((found.status, found.at("/webhook_url")), (200, json!(URL)));
    assert_eq!(host.get(&host.admin, &format!("/api/v1/admin/{}/webhook", lead.team)).await.json(), found.json());
    assert_eq!(host.get(&user, OWN).await.status, 403);
    assert_eq!(host.get(&lead, "/api/v1/admin/1/webhook").await.status, 403);
}

#[tokio::test]
async fn changes_are_in_the_audit_log_without_secrets() {
    let host = TestHost::start().await;
    let mut secrets = vec!["my-own-secret-of-the-audit".to_owned()];
    secrets.push(text(&put(&host, json!({"webhook_url": URL})).await, "/webhook_secret"));
    put(&host, json!({"webhook_secret": secrets[0]})).await;
    secrets.push(text(&put(&host, json!({"webhook_secret": null})).await, "/webhook_secret"));
    let log = host.get(&host.admin, "/api/v1/admin/audit?limit=3").await;
    let lines: Vec<_> = log.at("/items").as_array().unwrap().iter().map(|item| item["action"].clone()).collect();
    assert_eq!(lines, ["webhook.updated", "webhook.updated", "webhook.created"]);
    assert_eq!((log.at("/items/0/object"), log.at("/items/0/actor_key_id")), (json!("webhook:1"), json!(1)));
    assert_eq!(log.at("/items/1/after/webhook_secret"), "…udit");
    for secret in secrets {
        assert!(!log.text.contains(&secret));
    }
}
