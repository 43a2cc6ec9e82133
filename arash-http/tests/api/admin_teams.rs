use insta::assert_snapshot;
use serde_json::json;

use crate::support::TestHost;

const TEAMS: &str = "/api/v1/admin/teams";

#[tokio::test]
async fn a_team_is_made() {
    let host = TestHost::start().await;
    let body = json!({
        "name": "Support", "description": "Answers customers.", "monthly_quota": 1000, "daily_quota": null,
        "allowed_models": ["openai/gpt-5-chat"],
    });
    assert_snapshot!(host.post(&host.admin, TEAMS, &body).await, @r#"
    201
    {
      "allowed_models": [
        "openai/gpt-5-chat"
      ],
      "created_at": "[time]",
      "daily_quota": null,
      "description": "Answers customers.",
      "id": 2,
      "is_active": true,
      "monthly_quota": 1000,
      "name": "Support",
      "updated_at": "[time]",
      "webhook_enabled": false
    }
    "#);
}

#[tokio::test]
async fn a_taken_name_is_a_conflict() {
    let host = TestHost::start().await;
    assert_eq!(host.post(&host.admin, TEAMS, &json!({"name": "Support"})).await.status, 201);
    assert_snapshot!(host.post(&host.admin, TEAMS, &json!({"name": "Support"})).await, @r#"
    409
    {
      "detail": "There is a team called \"Support\".",
      "error": "already_exists",
      "request_id": "[uuid]",
      "status": 409,
      "success": false,
      "title": "Already exists",
      "type": "urn:arash:error:already_exists"
    }
    "#);
}

#[tokio::test]
async fn every_fault_is_told_at_once() {
    let host = TestHost::start().await;
    let body = json!({
        "name": "", "description": 1, "monthly_quota": -1, "daily_quota": 1.5, "allowed_models": ["a", 2], "size": 3,
    });
    assert_snapshot!(host.post(&host.admin, TEAMS, &body).await, @r#"
    422
    {
      "detail": "The request is not valid: name has 0 characters, 1 to 255 are accepted; description must be a text, not a number; monthly_quota must be 0 to 1000000000000; daily_quota must be a whole number, not a fraction; allowed_models.1 must be a text, not a number; size is not a known field.",
      "error": "validation_failed",
      "errors": [
        {
          "field": "name",
          "message": "has 0 characters, 1 to 255 are accepted"
        },
        {
          "field": "description",
          "message": "must be a text, not a number"
        },
        {
          "field": "monthly_quota",
          "message": "must be 0 to 1000000000000"
        },
        {
          "field": "daily_quota",
          "message": "must be a whole number, not a fraction"
        },
        {
          "field": "allowed_models.1",
          "message": "must be a text, not a number"
        },
        {
          "field": "size",
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
    assert_eq!(host.post(&host.admin, TEAMS, &json!({"name": " \u{7}"})).await.fields(), ["name"]);
}

#[tokio::test]
async fn teams_are_listed_the_active_ones_unless_asked_otherwise() {
    let host = TestHost::start().await;
    let gone = host.user("Gone").await;
    host.user("Here").await;
    host.engine.teams().set_active(arash_core::id::TeamId(gone.team), false).await.unwrap();
    let names = async |query: &str| {
        let answer = host.get(&host.admin, &format!("{TEAMS}{query}")).await;
        let teams = answer.at("/teams");
        let names: Vec<String> =
            teams.as_array().unwrap().iter().map(|team| team["name"].as_str().unwrap().to_owned()).collect();
        (names, answer.at("/next_cursor"))
    };
    assert_eq!(names("").await.0, ["Administrators", "Here"]);
    assert_eq!(names("?active_only=false").await.0, ["Administrators", "Gone", "Here"]);
    let (first, cursor) = names("?active_only=false&limit=2").await;
    assert_eq!(first, ["Administrators", "Gone"]);
    let rest = names(&format!("?active_only=false&limit=2&cursor={}", cursor.as_str().unwrap())).await;
    assert_eq!(rest, (vec!["Here".to_owned()], json!(null)));
    assert_snapshot!(host.get(&host.admin, &format!("{TEAMS}?active_only=perhaps")).await, @r#"
    422
    {
      "detail": "The request is not valid: active_only must be true or false.",
      "error": "validation_failed",
      "errors": [
        {
          "field": "active_only",
          "message": "must be true or false"
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
