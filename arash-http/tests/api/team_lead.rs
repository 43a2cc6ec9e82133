use arash_core::team::AccessLevel;
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Key, TestHost};

const TEAM: &str = "/api/v1/team";
const KEYS: &str = "/api/v1/team/api-keys";

async fn lead(host: &TestHost) -> Key {
    host.key("Team", AccessLevel::TeamLead).await
}

#[tokio::test]
async fn the_area_needs_the_level_before_anything_else() {
    let host = TestHost::start().await;
    let user = host.user("Team").await;
    for (method, path) in [
        ("GET", TEAM),
        ("GET", "/api/v1/team/"),
        ("GET", "/api/v1/team/api-keys?limit=many"),
        ("POST", KEYS),
        ("PATCH", "/api/v1/team/api-keys/1"),
        ("DELETE", "/api/v1/team/api-keys/x"),
        ("POST", "/api/v1/team/api-keys/1/rotate"),
        ("GET", "/api/v1/team/audit"),
    ] {
        assert_eq!(host.send(host.request(method, path)).await.status, 401, "{method} {path}");
        let answer = host.send(host.request(method, path).bearer_auth(&user.secret)).await;
        assert_eq!((answer.status, answer.at("/error")), (403, json!("forbidden")), "{method} {path}");
    }
    assert_snapshot!(host.get(&user, TEAM).await, @r#"
    403
    {
      "detail": "This needs a key of level team_lead; this key's level is user.",
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
async fn a_lead_sees_the_own_team_with_or_without_a_final_slash() {
    let host = TestHost::start().await;
    let lead = lead(&host).await;
    let answer = host.get(&lead, TEAM).await;
    assert_eq!(host.get(&lead, "/api/v1/team/").await.text, answer.text);
    assert_eq!(host.get(&lead, "/api/v1/team/?x=1").await.text, answer.text);
    assert_eq!(host.get(&lead, "/api/v1/team//").await.status, 404);
    assert_snapshot!(answer, @r#"
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
}

#[tokio::test]
async fn a_lead_makes_keys_of_the_own_team() {
    let host = TestHost::start().await;
    let lead = lead(&host).await;
    let body = json!({"name": "Server", "access_level": "team_lead", "expires_in_days": 1, "environment": "test"});
    let answer = host.post(&lead, KEYS, &body).await;
    let made = Key::issued(&answer);
    assert_eq!((made.team, made.secret.starts_with("sk_test_")), (lead.team, true));
    assert_snapshot!(answer, @r#"
    201
    {
      "api_key": "[key]",
      "key_info": {
        "access_level": "team_lead",
        "created_at": "[time]",
        "created_by": "key",
        "daily_quota": null,
        "description": null,
        "expires_at": "[time]",
        "id": 3,
        "is_active": true,
        "key_prefix": "[key prefix]",
        "last_used_at": null,
        "monthly_quota": null,
        "name": "Server",
        "team_id": 2,
        "team_name": "Team"
      },
      "warning": "Save this API key securely. It will not be shown again."
    }
    "#);
    assert_eq!(host.get(&made, TEAM).await.status, 200);
    let foreign = host.post(&lead, KEYS, &json!({"name": "x", "team_id": 1})).await;
    assert_eq!((foreign.status, foreign.fields()), (422, vec!["team_id".to_owned()]));
}

#[tokio::test]
async fn a_lead_makes_and_raises_no_admin() {
    let host = TestHost::start().await;
    let lead = lead(&host).await;
    let (id, raised) = (host.id_of(&lead).await, json!({"access_level": "admin"}));
    assert_snapshot!(host.post(&lead, KEYS, &json!({"name": "x", "access_level": "admin"})).await, @r#"
    403
    {
      "detail": "A key of level admin is beyond a team's own administration, which is up to team_lead.",
      "error": "forbidden",
      "request_id": "[uuid]",
      "status": 403,
      "success": false,
      "title": "Forbidden",
      "type": "urn:arash:error:forbidden"
    }
    "#);
    assert_eq!(host.patch(&lead, &format!("{KEYS}/{id}"), &raised).await.status, 403);
    assert_eq!(host.get(&lead, "/api/v1/admin/teams").await.status, 403, "it is still what it was");
}

#[tokio::test]
async fn a_lead_changes_rotates_and_ends_the_keys_of_the_own_team() {
    let host = TestHost::start().await;
    let lead = lead(&host).await;
    let user = host.key_of(lead.team, AccessLevel::User).await;
    let path = format!("{KEYS}/{}", host.id_of(&user).await);
    let changed = host.patch(&lead, &path, &json!({"daily_quota": 3, "access_level": "team_lead"})).await;
    assert_eq!((changed.at("/daily_quota"), changed.at("/access_level")), (json!(3), json!("team_lead")));
    let rotated = Key::issued(&host.post(&lead, &format!("{path}/rotate"), &json!({"overlap_seconds": 0})).await);
    assert_eq!(host.get(&user, "/api/v1/sessions").await.status, 401);
    assert_eq!(host.get(&rotated, "/api/v1/sessions").await.status, 200);
    assert_eq!(host.delete(&lead, &path).await.at("/message"), "API key revoked");
    assert_eq!(host.get(&rotated, "/api/v1/sessions").await.status, 401);
    assert_eq!(host.post(&lead, &format!("{path}/rotate"), &json!({})).await.status, 409);
    let deleted = host.delete(&lead, &format!("{path}?permanent=true")).await;
    assert_eq!(deleted.at("/message"), "API key deleted");
    assert_eq!(host.delete(&lead, &path).await.status, 404);
}

#[tokio::test]
async fn a_lead_touches_no_admin_key_and_finds_no_key_of_another_team() {
    let host = TestHost::start().await;
    let lead = lead(&host).await;
    let own_admin = host.key_of(lead.team, AccessLevel::Admin).await;
    let other = host.user("Other").await;
    for (key, status) in [(&own_admin, 403), (&other, 404), (&host.admin, 404)] {
        let path = format!("{KEYS}/{}", host.id_of(key).await);
        assert_eq!(host.patch(&lead, &path, &json!({"is_active": false})).await.status, status);
        assert_eq!(host.patch(&lead, &path, &json!({})).await.status, status);
        assert_eq!(host.post(&lead, &format!("{path}/rotate"), &json!({})).await.status, status);
        assert_eq!(host.delete(&lead, &path).await.status, status);
        assert_eq!(host.delete(&lead, &format!("{path}?permanent=true")).await.status, status);
        assert_eq!(host.get(key, "/api/v1/sessions").await.status, 200, "it is untouched");
    }
    let there = host.delete(&lead, &format!("{KEYS}/{}", host.id_of(&other).await)).await;
    let nowhere = host.delete(&lead, &format!("{KEYS}/999")).await;
    assert_eq!(there.to_string(), nowhere.to_string().replace("999", &host.id_of(&other).await.to_string()));
}

#[tokio::test]
async fn an_admin_is_confined_here_like_a_lead() {
    let host = TestHost::start().await;
    let other = host.user("Other").await;
    let own = host.key_of(host.admin.team, AccessLevel::User).await;
    let status = async |key: &Key| {
        host.patch(&host.admin, &format!("{KEYS}/{}", host.id_of(key).await), &json!({"name": "x"})).await.status
    };
    assert_eq!((status(&own).await, status(&other).await, status(&host.admin).await), (200, 404, 403));
    let listed = host.get(&host.admin, KEYS).await.at("/api_keys");
    assert!(listed.as_array().unwrap().iter().all(|key| key["team_id"] == host.admin.team), "{listed}");
    assert_eq!(host.get(&host.admin, TEAM).await.at("/id"), host.admin.team);
}

#[tokio::test]
async fn keys_and_log_are_those_of_the_own_team() {
    let host = TestHost::start().await;
    let lead = lead(&host).await;
    for name in ["Other", "Third"] {
        host.user(name).await;
    }
    host.key_of(lead.team, AccessLevel::User).await;
    let first = host.get(&lead, &format!("{KEYS}?limit=1")).await;
    let cursor = first.at("/next_cursor").as_str().unwrap().to_owned();
    let rest = host.get(&lead, &format!("{KEYS}?limit=1&cursor={cursor}")).await;
    assert_eq!((rest.at("/next_cursor"), rest.at("/api_keys/0/team_id")), (json!(null), json!(lead.team)));
    host.post(&lead, KEYS, &json!({"name": "Made by the lead"})).await;
    let log = host.get(&lead, "/api/v1/team/audit").await;
    let items = log.at("/items");
    assert_eq!(items.as_array().unwrap().len(), 4);
    assert!(items.as_array().unwrap().iter().all(|item| item["team_id"] == lead.team));
    assert_eq!(log.at("/items/0/actor_key_id"), host.id_of(&lead).await);
    assert_eq!(host.get(&lead, "/api/v1/team/audit?team_id=1").await.at("/items"), items, "no way out");
}

#[tokio::test]
async fn a_lead_repeats_a_creation_safely() {
    let host = TestHost::start().await;
    let lead = lead(&host).await;
    let body = json!({"name": "Server"});
    let first = host.post_once(&lead, "a", KEYS, &body).await;
    let again = host.post_once(&lead, "a", KEYS, &body).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")));
    assert_eq!((again.at("/api_key"), again.at("/key_info")), (json!(null), first.at("/key_info")));
}
