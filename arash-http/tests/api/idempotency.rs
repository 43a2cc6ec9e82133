use insta::assert_snapshot;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{Answer, Key, TestHost, message};

const TEAMS: &str = "/api/v1/admin/teams";
const KEYS: &str = "/api/v1/admin/api-keys";

fn replayed(answer: &Answer) -> (u16, Option<&str>) {
    (answer.status, answer.header("idempotency-replayed"))
}

#[tokio::test]
async fn a_team_is_made_once() {
    let host = TestHost::start().await;
    let body = json!({"name": "Support", "daily_quota": 5});
    let first = host.post_once(&host.admin, "a", TEAMS, &body).await;
    assert_eq!(replayed(&first), (201, None));
    host.patch(&host.admin, &format!("{TEAMS}/2"), &json!({"name": "Renamed"})).await;
    let spelt_otherwise = json!({"description": null, "daily_quota": 5, "name": "Support"});
    for body in [body, spelt_otherwise] {
        let again = host.post_once(&host.admin, "a", TEAMS, &body).await;
        assert_eq!((replayed(&again), &again.text), ((201, Some("true")), &first.text));
    }
    assert_snapshot!(host.post_once(&host.admin, "a", TEAMS, &json!({"name": "Other"})).await, @r#"
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
}

#[tokio::test]
async fn a_secret_is_never_shown_twice() {
    let host = TestHost::start().await;
    let team = host.user("Team").await.team;
    let body = json!({"team_id": team, "name": "Server"});
    let first = host.post_once(&host.admin, "a", KEYS, &body).await;
    assert_eq!(replayed(&first), (201, None));
    let path = format!("{KEYS}/{}", first.at("/key_info/id"));
    host.patch(&host.admin, &path, &json!({"name": "Renamed"})).await;
    let again = host.post_once(&host.admin, "a", KEYS, &body).await;
    assert_eq!(replayed(&again), (201, Some("true")));
    assert_eq!(again.at("/key_info"), first.at("/key_info"), "as it was made");
    assert_snapshot!(again, @r#"
    201
    {
      "api_key": null,
      "key_info": {
        "access_level": "user",
        "created_at": "[time]",
        "created_by": "First admin key",
        "daily_quota": null,
        "description": null,
        "expires_at": null,
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
    let rotation = json!({"overlap_seconds": 60});
    let first = host.post_once(&host.admin, "a", &format!("{path}/rotate"), &rotation).await;
    assert_eq!(replayed(&first), (201, None), "another operation, another request");
    let again = host.post_once(&host.admin, "a", &format!("{path}/rotate"), &rotation).await;
    assert_eq!((replayed(&again), again.at("/api_key")), ((201, Some("true")), json!(null)));
    assert_eq!(again.at("/key_info"), first.at("/key_info"));
    assert_eq!(host.get(&Key::issued(&first), "/api/v1/sessions").await.status, 200);
    let other = host.post_once(&host.admin, "a", &format!("{path}/rotate"), &json!({"overlap_seconds": 61})).await;
    assert_eq!((other.status, other.at("/error")), (422, json!("idempotency_mismatch")));
}

#[tokio::test]
async fn refusals_are_not_kept() {
    let host = TestHost::start().await;
    let body = json!({"team_id": 2, "name": "Server"});
    assert_eq!(host.post_once(&host.admin, "a", KEYS, &body).await.status, 404);
    assert_eq!(host.post_once(&host.admin, "a", KEYS, &json!({"team_id": 2})).await.status, 422);
    host.user("Team").await;
    assert_eq!(replayed(&host.post_once(&host.admin, "a", KEYS, &body).await), (201, None));
}

#[tokio::test]
async fn what_is_asked_for_at_once_is_made_once() {
    let host = TestHost::start().await;
    let body = json!({"name": "Support"});
    let mut asking = JoinSet::new();
    for _ in 0..16 {
        let request = host.posting(&host.admin, TEAMS, &body).header("Idempotency-Key", "a");
        asking.spawn(async move { Answer::read(request.send().await.unwrap()).await });
    }
    let answers = asking.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.text == answers[0].text));
    assert_eq!(answers.iter().filter(|answer| replayed(answer).1.is_none()).count(), 1);
}

#[tokio::test]
async fn two_callers_never_meet() {
    let host = TestHost::start().await;
    let other = host.key("Other", arash_core::team::AccessLevel::Admin).await;
    assert_eq!(replayed(&host.post_once(&host.admin, "a", TEAMS, &json!({"name": "One"})).await), (201, None));
    assert_eq!(replayed(&host.post_once(&other, "a", TEAMS, &json!({"name": "Two"})).await), (201, None));
}

#[tokio::test]
async fn several_keys_in_one_request_are_refused_everywhere() {
    let host = TestHost::start().await;
    let lead = host.key("Team", arash_core::team::AccessLevel::TeamLead).await;
    let (named, nothing) = (json!({"name": "x"}), json!({}));
    for (key, path, body) in [
        (&host.admin, "/api/v1/chat", &message("c", "Hi")),
        (&host.admin, TEAMS, &named),
        (&host.admin, KEYS, &json!({"team_id": 2, "name": "x"})),
        (&host.admin, "/api/v1/admin/api-keys/1/rotate", &nothing),
        (&lead, "/api/v1/team/api-keys", &named),
        (&lead, "/api/v1/team/api-keys/2/rotate", &nothing),
    ] {
        let twice = host.posting(key, path, body).header("Idempotency-Key", "a").header("Idempotency-Key", "b");
        let answer = host.send(twice).await;
        assert_eq!((answer.status, answer.fields()), (422, vec!["Idempotency-Key".to_owned()]), "{path}");
        let long = host.post_once(key, &"x".repeat(256), path, body).await;
        assert_eq!((long.status, long.fields()), (422, vec!["Idempotency-Key".to_owned()]), "{path}");
    }
}
