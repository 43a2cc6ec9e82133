use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Key, TestHost};

const KEYS: &str = "/api/v1/admin/api-keys";

#[tokio::test]
async fn a_key_is_made_and_works() {
    let host = TestHost::start().await;
    let team = host.user("Team").await.team;
    let body = json!({
        "team_id": team, "name": "Server", "access_level": "team_lead", "description": null, "monthly_quota": 10,
        "daily_quota": 5, "expires_in_days": 30, "environment": "test",
    });
    let answer = host.post(&host.admin, KEYS, &body).await;
    let secret = answer.at("/api_key").as_str().unwrap().to_owned();
    assert!(secret.starts_with("sk_test_") && secret.len() == 48, "{secret}");
    assert_eq!(answer.at("/key_info/key_prefix"), secret[..12]);
    assert_snapshot!(answer, @r#"
    201
    {
      "api_key": "[key]",
      "key_info": {
        "access_level": "team_lead",
        "created_at": "[time]",
        "created_by": "First admin key",
        "daily_quota": 5,
        "description": null,
        "expires_at": "[time]",
        "id": 3,
        "is_active": true,
        "key_prefix": "[key prefix]",
        "last_used_at": null,
        "monthly_quota": 10,
        "name": "Server",
        "team_id": 2,
        "team_name": "Team"
      },
      "warning": "Save this API key securely. It will not be shown again."
    }
    "#);
    assert_eq!(host.say(&Key { secret, team }, "c", "Hi").await.status, 200);
}

#[tokio::test]
async fn little_needs_to_be_given() {
    let host = TestHost::start().await;
    let team = host.user("Team").await.team;
    let answer = host.post(&host.admin, KEYS, &json!({"team_id": team, "name": "Server"})).await;
    assert_eq!((answer.status, answer.at("/key_info/access_level")), (201, json!("user")));
    assert!(answer.at("/api_key").as_str().unwrap().starts_with("sk_live_"));
}

#[tokio::test]
async fn a_team_that_is_not_there_is_not_found() {
    let host = TestHost::start().await;
    assert_snapshot!(host.post(&host.admin, KEYS, &json!({"team_id": 999, "name": "Server"})).await, @r#"
    404
    {
      "detail": "There is no team 999.",
      "error": "not_found",
      "request_id": "[uuid]",
      "status": 404,
      "success": false,
      "title": "Not found",
      "type": "urn:arash:error:not_found"
    }
    "#);
    assert_eq!(host.delete(&host.admin, &format!("{KEYS}/999")).await.status, 404);
}

#[tokio::test]
async fn every_fault_is_told_at_once() {
    let host = TestHost::start().await;
    let body =
        json!({"team_id": "1", "access_level": "root", "expires_in_days": 0, "environment": "moon", "scopes": []});
    assert_snapshot!(host.post(&host.admin, KEYS, &body).await, @r#"
    422
    {
      "detail": "The request is not valid: team_id must be a whole number, not a text; name is missing; access_level must be one of user, team_lead, admin; expires_in_days must be 1 to 36500; environment must be one of live, test; scopes is not a known field.",
      "error": "validation_failed",
      "errors": [
        {
          "field": "team_id",
          "message": "must be a whole number, not a text"
        },
        {
          "field": "name",
          "message": "is missing"
        },
        {
          "field": "access_level",
          "message": "must be one of user, team_lead, admin"
        },
        {
          "field": "expires_in_days",
          "message": "must be 1 to 36500"
        },
        {
          "field": "environment",
          "message": "must be one of live, test"
        },
        {
          "field": "scopes",
          "message": "is not a known field"
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
async fn keys_are_listed_without_the_keys_themselves() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    let all = host.get(&host.admin, KEYS).await;
    assert_eq!(all.at("/api_keys").as_array().unwrap().len(), 2);
    assert!(!all.text.contains(&key.secret));
    assert_snapshot!(host.get(&host.admin, &format!("{KEYS}?team_id={}", key.team)).await, @r#"
    200
    {
      "api_keys": [
        {
          "access_level": "user",
          "created_at": "[time]",
          "created_by": null,
          "daily_quota": null,
          "description": null,
          "expires_at": null,
          "id": 2,
          "is_active": true,
          "key_prefix": "[key prefix]",
          "last_used_at": null,
          "monthly_quota": null,
          "name": "key",
          "team_id": 2,
          "team_name": "Team"
        }
      ],
      "next_cursor": null
    }
    "#);
    assert_eq!(host.get(&host.admin, &format!("{KEYS}?team_id=x")).await.fields(), ["team_id"]);
}

#[tokio::test]
async fn a_deleted_key_is_gone_and_a_revoked_one_is_still_listed() {
    let host = TestHost::start().await;
    let (revoked, deleted) = (host.user("One").await, host.user("Two").await);
    let ids = |answer: &crate::support::Answer| -> Vec<i64> {
        answer.at("/api_keys").as_array().unwrap().iter().map(|key| key["id"].as_i64().unwrap()).collect()
    };
    let all = ids(&host.get(&host.admin, KEYS).await);
    assert_eq!(host.delete(&host.admin, &format!("{KEYS}/{}", all[1])).await.status, 200);
    assert_eq!(host.delete(&host.admin, &format!("{KEYS}/{}?permanent=true", all[2])).await.status, 200);
    assert_eq!(host.delete(&host.admin, &format!("{KEYS}/{}?permanent=perhaps", all[1])).await.status, 422);
    assert_eq!(ids(&host.get(&host.admin, KEYS).await), all[..2]);
    for key in [revoked, deleted] {
        assert_eq!(host.get(&key, "/api/v1/sessions").await.status, 401);
    }
}

#[tokio::test]
async fn numbers_beyond_what_is_stored_are_told_by_their_field() {
    let host = TestHost::start().await;
    for number in ["9223372036854775808", "18446744073709551616", "-9223372036854775809", "1.5"] {
        let body = serde_json::from_str(&format!(r#"{{"team_id": {number}, "name": "key"}}"#)).unwrap();
        let answer = host.post(&host.admin, KEYS, &body).await;
        assert_eq!((answer.status, answer.fields()), (422, vec!["team_id".to_owned()]), "{number}: {}", answer.text);
        assert!(!answer.text.contains("integer_"), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_field_that_is_left_out_stays_and_null_clears() {
    let host = TestHost::start().await;
    let team = host.user("Team").await.team;
    let body =
        json!({"team_id": team, "name": "Server", "description": "Old.", "daily_quota": 5, "expires_in_days": 1});
    let id = host.post(&host.admin, KEYS, &body).await.at("/key_info/id");
    let path = format!("{KEYS}/{id}");
    let change = json!({"description": null, "monthly_quota": 7, "expires_in_days": null, "access_level": "team_lead"});
    assert_snapshot!(host.patch(&host.admin, &path, &change).await, @r#"
    200
    {
      "access_level": "team_lead",
      "created_at": "[time]",
      "created_by": "First admin key",
      "daily_quota": 5,
      "description": null,
      "expires_at": null,
      "id": 3,
      "is_active": true,
      "key_prefix": "[key prefix]",
      "last_used_at": null,
      "monthly_quota": 7,
      "name": "Server",
      "team_id": 2,
      "team_name": "Team"
    }
    "#);
    let expiring = host.patch(&host.admin, &path, &json!({"expires_in_days": 2})).await;
    assert!(expiring.at("/expires_at").is_string());
    assert_eq!(host.patch(&host.admin, &format!("{KEYS}/999"), &change).await.status, 404);
}

#[tokio::test]
async fn what_cannot_be_cleared_is_named_with_every_other_fault() {
    let host = TestHost::start().await;
    let body = json!({"name": null, "access_level": null, "is_active": null, "expires_in_days": 0, "team_id": 2});
    assert_snapshot!(host.patch(&host.admin, &format!("{KEYS}/1"), &body).await, @r#"
    422
    {
      "detail": "The request is not valid: name must be a text, not null; access_level must be a text, not null; expires_in_days must be 1 to 36500; is_active must be true or false, not null; team_id is not a known field.",
      "error": "validation_failed",
      "errors": [
        {
          "field": "name",
          "message": "must be a text, not null"
        },
        {
          "field": "access_level",
          "message": "must be a text, not null"
        },
        {
          "field": "expires_in_days",
          "message": "must be 1 to 36500"
        },
        {
          "field": "is_active",
          "message": "must be true or false, not null"
        },
        {
          "field": "team_id",
          "message": "is not a known field"
        }
      ],
      "request_id": "[uuid]",
      "status": 422,
      "success": false,
      "title": "Validation failed",
      "type": "urn:arash:error:validation_failed"
    }
    "#);
    let blank = host.patch(&host.admin, &format!("{KEYS}/1"), &json!({"name": " "})).await;
    assert_eq!((blank.status, blank.fields()), (422, vec!["name".to_owned()]));
}

#[tokio::test]
async fn a_revoked_key_may_be_switched_on_again() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    let path = format!("{KEYS}/{}", host.id_of(&key).await);
    assert_eq!(host.delete(&host.admin, &path).await.status, 200);
    assert_eq!(host.get(&key, "/api/v1/sessions").await.status, 401);
    assert_eq!(host.patch(&host.admin, &path, &json!({"is_active": true})).await.at("/is_active"), json!(true));
    assert_eq!(host.get(&key, "/api/v1/sessions").await.status, 200);
    assert_eq!(host.patch(&host.admin, &path, &json!({"is_active": false})).await.status, 200);
    assert_eq!(host.get(&key, "/api/v1/sessions").await.status, 401);
}

#[tokio::test]
async fn a_changed_quota_holds_at_once() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    let path = format!("{KEYS}/{}", host.id_of(&key).await);
    for (quota, status) in [(json!(1_000), 200), (json!(1), 429), (json!(0), 429), (json!(2), 200), (json!(null), 200)]
    {
        assert_eq!(host.patch(&host.admin, &path, &json!({"daily_quota": quota})).await.status, 200);
        assert_eq!(host.say(&key, "c", "Hi").await.status, status, "{quota}");
    }
}
