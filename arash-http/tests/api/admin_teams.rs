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

#[tokio::test]
async fn a_team_is_shown() {
    let host = TestHost::start().await;
    let team = host.user("Team").await.team;
    assert_snapshot!(host.get(&host.admin, &format!("{TEAMS}/{team}")).await, @r#"
    200
    {
      "allowed_models": null,
      "created_at": "[time]",
      "daily_quota": null,
      "description": null,
      "id": 2,
      "is_active": true,
      "monthly_quota": null,
      "name": "Team",
      "updated_at": "[time]",
      "webhook_enabled": false
    }
    "#);
    assert_eq!(host.get(&host.admin, &format!("{TEAMS}/999")).await.status, 404);
    assert_eq!(host.get(&host.admin, &format!("{TEAMS}/x")).await.status, 404);
}

#[tokio::test]
async fn a_field_that_is_left_out_stays_and_null_clears() {
    let host = TestHost::start().await;
    let body = json!({"name": "Support", "description": "Old.", "monthly_quota": 9, "daily_quota": 5, "allowed_models": ["a/b"]});
    let id = host.post(&host.admin, TEAMS, &body).await.at("/id");
    let path = format!("{TEAMS}/{id}");
    let change = json!({"description": null, "monthly_quota": 0, "allowed_models": null});
    assert_snapshot!(host.patch(&host.admin, &path, &change).await, @r#"
    200
    {
      "allowed_models": null,
      "created_at": "[time]",
      "daily_quota": 5,
      "description": null,
      "id": 2,
      "is_active": true,
      "monthly_quota": 0,
      "name": "Support",
      "updated_at": "[time]",
      "webhook_enabled": false
    }
    "#);
    let before = host.get(&host.admin, &path).await.text;
    assert_eq!(host.patch(&host.admin, &path, &json!({})).await.text, before, "nothing changes nothing");
    let renamed = host.patch(&host.admin, &path, &json!({"name": "Help", "allowed_models": []})).await;
    assert_eq!((renamed.at("/name"), renamed.at("/allowed_models")), (json!("Help"), json!([])));
    assert_eq!(host.patch(&host.admin, &format!("{TEAMS}/999"), &change).await.status, 404);
}

#[tokio::test]
async fn a_team_is_not_renamed_to_another_ones_name() {
    let host = TestHost::start().await;
    let team = host.user("One").await.team;
    host.user("Other").await;
    assert_snapshot!(host.patch(&host.admin, &format!("{TEAMS}/{team}"), &json!({"name": "Other"})).await, @r#"
    409
    {
      "detail": "There is a team called \"Other\".",
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
async fn what_cannot_be_cleared_is_named_with_every_other_fault() {
    let host = TestHost::start().await;
    let body = json!({"name": null, "is_active": null, "daily_quota": -1, "description": 1, "id": 7});
    assert_snapshot!(host.patch(&host.admin, &format!("{TEAMS}/1"), &body).await, @r#"
    422
    {
      "detail": "The request is not valid: name must be a text, not null; description must be a text, not a number; daily_quota must be 0 to 1000000000000; is_active must be true or false, not null; id is not a known field.",
      "error": "validation_failed",
      "errors": [
        {
          "field": "name",
          "message": "must be a text, not null"
        },
        {
          "field": "description",
          "message": "must be a text, not a number"
        },
        {
          "field": "daily_quota",
          "message": "must be 0 to 1000000000000"
        },
        {
          "field": "is_active",
          "message": "must be true or false, not null"
        },
        {
          "field": "id",
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
async fn an_inactive_team_stops_at_once_and_may_go_on() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    let path = format!("{TEAMS}/{}", key.team);
    for (is_active, status) in [(false, 403), (true, 200)] {
        assert_eq!(host.patch(&host.admin, &path, &json!({"is_active": is_active})).await.status, 200);
        assert_eq!(host.get(&key, "/api/v1/sessions").await.status, status);
    }
}
