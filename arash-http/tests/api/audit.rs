use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Answer, TestHost};

const AUDIT: &str = "/api/v1/admin/audit";
const TEAMS: &str = "/api/v1/admin/teams";
const KEYS: &str = "/api/v1/admin/api-keys";

fn actions(answer: &Answer) -> Vec<String> {
    let items = answer.at("/items");
    let action = |item: &Value| format!("{} {}", item["action"].as_str().unwrap(), item["object"].as_str().unwrap());
    items.as_array().unwrap().iter().map(action).collect()
}

#[tokio::test]
async fn every_change_is_in_the_log_with_who_did_it() {
    let host = TestHost::start().await;
    let post = |path: &str, body: Value| host.posting(&host.admin, path, &body).header("X-Request-Id", "order 7");
    host.send(post(TEAMS, json!({"name": "Support"}))).await;
    let issued = host.send(post(KEYS, json!({"team_id": 2, "name": "Server"}))).await;
    host.patch(&host.admin, &format!("{TEAMS}/2"), &json!({"daily_quota": 5})).await;
    host.patch(&host.admin, &format!("{KEYS}/2"), &json!({"access_level": "team_lead"})).await;
    let rotated = host.post(&host.admin, &format!("{KEYS}/2/rotate"), &json!({})).await;
    host.delete(&host.admin, &format!("{KEYS}/2")).await;
    host.delete(&host.admin, &format!("{KEYS}/2?permanent=true")).await;
    let log = host.get(&host.admin, AUDIT).await;
    assert_eq!(
        actions(&log),
        [
            "key.deleted key:2",
            "key.revoked key:2",
            "key.rotated key:2",
            "key.updated key:2",
            "team.updated team:2",
            "key.created key:2",
            "team.created team:2",
            "key.created key:1",
            "team.created team:1",
        ]
    );
    for answer in [issued, rotated] {
        assert!(!log.text.contains(answer.at("/api_key").as_str().unwrap()));
    }
    assert_eq!(log.at("/items/5/request_id"), "order 7");
    let (updated, rotated) = (log.at("/items/3"), log.at("/items/2"));
    assert_eq!((&updated["actor_key_id"], &updated["team_id"]), (&json!(1), &json!(2)));
    assert_eq!(
        (&updated["before"], &updated["after"]),
        (&json!({"access_level": "user"}), &json!({"access_level": "team_lead"}))
    );
    assert_eq!(rotated["before"]["previous_expires_at"], json!(null));
    assert!(rotated["after"]["previous_expires_at"].is_string() && rotated["after"]["key_prefix"].is_string());
    assert_eq!((log.at("/items/0/after"), log.at("/items/0/before/name")), (json!(null), json!("Server")));
}

#[tokio::test]
async fn what_the_program_itself_did_has_no_actor() {
    let host = TestHost::start().await;
    assert_snapshot!(host.get(&host.admin, &format!("{AUDIT}?team_id=1")).await, @r#"
    200
    {
      "items": [
        {
          "action": "key.created",
          "actor_key_id": null,
          "after": {
            "access_level": "admin",
            "created_by": "first start",
            "daily_quota": null,
            "description": null,
            "expires_at": null,
            "is_active": true,
            "key_prefix": "[key prefix]",
            "monthly_quota": null,
            "name": "First admin key",
            "previous_expires_at": null,
            "team_id": 1
          },
          "at": "[time]",
          "before": null,
          "id": "[uuid]",
          "object": "key:1",
          "request_id": null,
          "team_id": 1
        },
        {
          "action": "team.created",
          "actor_key_id": null,
          "after": {
            "allowed_models": null,
            "daily_quota": null,
            "description": "Made at the first start.",
            "is_active": true,
            "monthly_quota": null,
            "name": "Administrators"
          },
          "at": "[time]",
          "before": null,
          "id": "[uuid]",
          "object": "team:1",
          "request_id": null,
          "team_id": 1
        }
      ],
      "next_cursor": null
    }
    "#);
}

#[tokio::test]
async fn the_log_is_paged_and_kept_to_a_team() {
    let host = TestHost::start().await;
    for name in ["One", "Two"] {
        host.user(name).await;
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = host.get(&host.admin, &format!("{AUDIT}?limit=4{cursor}")).await;
        seen.extend(actions(&page));
        let Some(next) = page.at("/next_cursor").as_str().map(|next| format!("&cursor={next}")) else { break };
        cursor = next;
    }
    assert_eq!(seen.len(), 6);
    assert_eq!(seen, actions(&host.get(&host.admin, AUDIT).await));
    let of_two = host.get(&host.admin, &format!("{AUDIT}?team_id=2")).await;
    assert_eq!(actions(&of_two), ["key.created key:2", "team.created team:2"]);
    assert_eq!(actions(&host.get(&host.admin, &format!("{AUDIT}?team_id=999")).await), [""; 0]);
    for (query, field) in [("cursor=x", "cursor"), ("limit=0", "limit"), ("team_id=x", "team_id")] {
        assert_eq!(host.get(&host.admin, &format!("{AUDIT}?{query}")).await.fields(), [field]);
    }
}

#[tokio::test]
async fn what_changes_nothing_and_what_is_refused_is_not_in_the_log() {
    let host = TestHost::start().await;
    host.user("Team").await;
    let before = host.get(&host.admin, AUDIT).await.text;
    assert_eq!(host.patch(&host.admin, &format!("{TEAMS}/2"), &json!({"name": "Team"})).await.status, 200);
    assert_eq!(host.patch(&host.admin, &format!("{KEYS}/2"), &json!({"is_active": true})).await.status, 200);
    assert_eq!(host.post(&host.admin, TEAMS, &json!({"name": "Team"})).await.status, 409);
    assert_eq!(host.delete(&host.admin, &format!("{KEYS}/999")).await.status, 404);
    assert_eq!(host.get(&host.admin, AUDIT).await.text, before);
}
