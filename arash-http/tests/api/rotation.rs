use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Key, TestHost};

const KEYS: &str = "/api/v1/admin/api-keys";

async fn works(host: &TestHost, key: &Key) -> bool {
    match host.get(key, "/api/v1/sessions").await.status {
        200 => true,
        401 => false,
        status => panic!("{status}"),
    }
}

#[tokio::test]
async fn a_rotated_key_works_with_both_secrets_for_a_day() {
    let host = TestHost::start().await;
    let old = host.user("Team").await;
    let path = format!("{KEYS}/{}/rotate", host.id_of(&old).await);
    let answer = host.post(&host.admin, &path, &json!({})).await;
    let new = Key::issued(&answer);
    assert_snapshot!(answer, @r#"
    201
    {
      "api_key": "[key]",
      "key_info": {
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
      },
      "warning": "Save this API key securely. It will not be shown again."
    }
    "#);
    assert_ne!(old.secret, new.secret);
    assert!(works(&host, &old).await && works(&host, &new).await);
    assert_eq!(host.id_of(&old).await, host.id_of(&new).await);
    let third = Key::issued(&host.post(&host.admin, &path, &json!({"overlap_seconds": 60})).await);
    assert!(!works(&host, &old).await, "a second rotation drops the oldest secret");
    assert!(works(&host, &new).await && works(&host, &third).await);
}

#[tokio::test]
async fn without_an_overlap_the_old_secret_is_refused_at_once() {
    let host = TestHost::start().await;
    let old = host.user("Team").await;
    assert!(works(&host, &old).await);
    let path = format!("{KEYS}/{}/rotate", host.id_of(&old).await);
    let new = Key::issued(&host.post(&host.admin, &path, &json!({"overlap_seconds": 0})).await);
    assert!(!works(&host, &old).await && works(&host, &new).await);
}

#[tokio::test]
async fn a_revoked_key_is_not_rotated() {
    let host = TestHost::start().await;
    let id = host.id_of(&host.user("Team").await).await;
    assert_eq!(host.delete(&host.admin, &format!("{KEYS}/{id}")).await.status, 200);
    assert_snapshot!(host.post(&host.admin, &format!("{KEYS}/{id}/rotate"), &json!({})).await, @r#"
    409
    {
      "detail": "API key 2 is not active; only an active one can be rotated.",
      "error": "conflict",
      "request_id": "[uuid]",
      "status": 409,
      "success": false,
      "title": "Conflict",
      "type": "urn:arash:error:conflict"
    }
    "#);
    assert_eq!(host.post(&host.admin, &format!("{KEYS}/999/rotate"), &json!({})).await.status, 404);
}

#[tokio::test]
async fn an_overlap_is_0_seconds_to_30_days() {
    let host = TestHost::start().await;
    let id = host.id_of(&host.user("Team").await).await;
    for overlap in [json!(-1), json!(2_592_001), json!(1.5), json!("60"), json!(null)] {
        let body = json!({"overlap_seconds": overlap});
        let answer = host.post(&host.admin, &format!("{KEYS}/{id}/rotate"), &body).await;
        assert_eq!((answer.status, answer.fields()), (422, vec!["overlap_seconds".to_owned()]), "{overlap}");
    }
    for overlap in [0, 2_592_000] {
        let body = json!({"overlap_seconds": overlap});
        assert_eq!(host.post(&host.admin, &format!("{KEYS}/{id}/rotate"), &body).await.status, 201, "{overlap}");
    }
}
