use arash_core::team::{AccessLevel, PageAfter};
use insta::assert_snapshot;

use crate::support::TestHost;

#[tokio::test]
async fn without_a_key_nothing_is_told() {
    let host = TestHost::start().await;
    let answer = host.send(host.request("GET", "/api/v1/sessions").header("X-Request-Id", "r1")).await;
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    assert_eq!(answer.header("x-request-id"), Some("r1"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_snapshot!(answer, @r#"
    401
    {
      "detail": "A valid API key is needed: Authorization: Bearer <key>",
      "error": "unauthenticated",
      "request_id": "r1",
      "status": 401,
      "success": false,
      "title": "Not authenticated",
      "type": "urn:arash:error:unauthenticated"
    }
    "#);
}

#[tokio::test]
async fn every_key_that_is_not_good_gets_the_same_answer() {
    let host = TestHost::start().await;
    let good = &host.admin.secret;
    let wrong_checksum = format!("{}{}", &good[..47], if good.ends_with('0') { '1' } else { '0' });
    let values = [
        "Basic dXNlcjpwYXNz".to_owned(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer {wrong_checksum}"),
        format!("Bearer {}", "k".repeat(40)),
        format!("Bearer {good} {good}"),
        good.clone(),
    ];
    for value in values {
        let answer = host.send(host.request("GET", "/api/v1/sessions").header("Authorization", &value)).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")), "{value}");
        assert_eq!(answer.at("/error"), "unauthenticated");
    }
    let answer =
        host.send(host.request("GET", "/api/v1/sessions").header("Authorization", format!("bearer {good}"))).await;
    assert_eq!(answer.status, 200, "the scheme's name has no case");
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    assert_eq!(host.get(&key, "/api/v1/sessions").await.status, 200);
    let team = Some(arash_core::id::TeamId(key.team));
    let keys = host.engine.keys().list(team, PageAfter::first(1)).await.unwrap();
    let revoked = host.delete(&host.admin, &format!("/api/v1/admin/api-keys/{}", keys[0].key.id)).await;
    assert_snapshot!(revoked, @r#"
    200
    {
      "message": "API key revoked",
      "success": true
    }
    "#);
    assert_eq!(host.get(&key, "/api/v1/sessions").await.status, 401);
}

#[tokio::test]
async fn a_key_of_an_inactive_team_is_known_but_has_no_right() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    host.engine.teams().set_active(arash_core::id::TeamId(key.team), false).await.unwrap();
    let answer = host.get(&key, "/api/v1/sessions").await;
    assert_snapshot!(answer, @r#"
    403
    {
      "detail": "The team of this key is not active.",
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
async fn admin_routes_need_the_level_before_anything_else() {
    let host = TestHost::start().await;
    let lead = host.key("Team", AccessLevel::TeamLead).await;
    for (method, path) in [
        ("GET", "/api/v1/admin/teams?limit=many"),
        ("POST", "/api/v1/admin/teams"),
        ("GET", "/api/v1/admin/api-keys"),
        ("POST", "/api/v1/admin/api-keys"),
        ("DELETE", "/api/v1/admin/api-keys/1"),
        ("GET", "/api/v1/admin/teams/1"),
        ("PATCH", "/api/v1/admin/teams/1"),
        ("PATCH", "/api/v1/admin/api-keys/1"),
        ("POST", "/api/v1/admin/api-keys/1/rotate"),
        ("GET", "/api/v1/admin/audit?limit=many"),
    ] {
        let answer = host.send(host.request(method, path).bearer_auth(&lead.secret)).await;
        assert_eq!(answer.status, 403, "{method} {path}");
        let answer = host.send(host.request(method, path)).await;
        assert_eq!(answer.status, 401, "{method} {path}");
    }
    let answer = host.get(&lead, "/api/v1/admin/teams").await;
    assert_snapshot!(answer, @r#"
    403
    {
      "detail": "This needs a key of level admin; this key's level is team_lead.",
      "error": "forbidden",
      "request_id": "[uuid]",
      "status": 403,
      "success": false,
      "title": "Forbidden",
      "type": "urn:arash:error:forbidden"
    }
    "#);
}
