//! What attacks on the host have found once.

use std::sync::Arc;
use std::time::Duration;

use arash_core::ai::Offline;
use arash_core::team::{AccessLevel, KeySpec};
use arash_core::testing::{Script, ScriptedProvider, Step};
use serde_json::json;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{TestHost, message};

#[tokio::test]
async fn the_offline_assistant_streams_word_by_word() {
    let host = TestHost::with(|builder| builder.ai(Offline::default())).await;
    let key = host.user("Team").await;
    let events = host.stream(&key, "c", "My name is Sara").await.rest().await;
    let pieces: Vec<_> = events.iter().filter_map(|event| event.data["text"].as_str()).collect();
    assert!(pieces.len() > 10, "{pieces:?}");
    assert_eq!(pieces.concat(), events.last().unwrap().data["response"].as_str().unwrap());
}

#[tokio::test]
async fn who_announces_large_bodies_keeps_nobody_out() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    let mut lines = Vec::new();
    for _ in 0..12 {
        let mut line = host.connect().await;
        line.send(format!(
            "POST /api/v1/chat HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: 27000000\r\n\r\n{{",
            key.secret
        ))
        .await;
        lines.push(line);
    }
    sleep(Duration::from_millis(200)).await;
    let mut body = message("c", "Hi");
    body["attachments"] = json!([{"kind": "document", "media_type": "text/plain", "data": "QUFB".repeat(50_000)}]);
    let begun = Instant::now();
    let answer = host.post(&host.admin, "/api/v1/chat", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(begun.elapsed() < Duration::from_secs(4), "nobody is waited for");
}

#[tokio::test]
async fn http_2_is_not_spoken_and_holds_no_connection() {
    let host = TestHost::start().await;
    let mut line = host.connect().await;
    line.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    let (said, _) = timeout(Duration::from_secs(3), line.rest()).await.unwrap();
    assert_eq!(said, "");
}

#[tokio::test]
async fn an_answer_in_a_session_that_is_deleted_is_gone_with_it() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    let stream = host.stream(&key, "c", "Hello").await;
    let turn_id = stream.turn_id().clone();
    stream.rest().await;
    let path = format!("/api/v1/chat/stream/{turn_id}");
    assert_eq!(host.resuming(&key, &turn_id, None).send().await.unwrap().status(), 200);
    let session = format!("/api/v1/session/internal_{}_c", key.team);
    assert_eq!(host.delete(&key, &session).await.status, 200);
    assert_eq!(host.get(&key, &path).await.status, 404);
}

#[tokio::test]
async fn who_began_a_request_and_does_not_go_on_holds_no_shutdown_up() {
    let mut host = TestHost::start().await;
    let (mut head, mut body) = (host.connect().await, host.connect().await);
    head.send("GET / HTTP/1.1\r\nHos").await;
    body.send(format!(
        "POST /api/v1/chat HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: 100\r\n\r\n{{",
        host.admin.secret
    ))
    .await;
    sleep(Duration::from_millis(100)).await;
    timeout(Duration::from_secs(8), host.stop()).await.unwrap();
    assert!(body.rest().await.0.starts_with("HTTP/1.1 503 "));
}

#[tokio::test]
async fn a_message_that_waits_for_its_session_is_not_answered_after_its_key_was_revoked() {
    let go = Arc::new(Notify::new());
    let first = Script::new([Step::WaitFor(Arc::clone(&go)), Step::say("first")]);
    let provider = ScriptedProvider::new([first, Script::saying("second")]);
    let host = TestHost::with(|builder| builder.ai(provider.clone())).await;
    let key = host.user("Team").await;
    let id = host.id(&key).await;
    let mut asking = JoinSet::new();
    for _ in 0..2 {
        asking.spawn(host.posting(&key, "/api/v1/chat", &message("c", "Hi")).send());
        while provider.running() == 0 {
            sleep(Duration::from_millis(5)).await;
        }
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(host.delete(&host.admin, &format!("/api/v1/admin/api-keys/{id}")).await.status, 200);
    go.notify_one();
    let mut statuses = Vec::new();
    while let Some(answer) = asking.join_next().await {
        statuses.push(answer.unwrap().unwrap().status().as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    assert_eq!(provider.calls(), 1);
}

#[tokio::test]
async fn a_team_lead_does_not_undo_a_revocation() {
    let host = TestHost::start().await;
    let lead = host.key("Team", AccessLevel::TeamLead).await;
    let spec = KeySpec::new(arash_core::id::TeamId(lead.team), "leaked");
    let leaked = host.engine.keys().create(spec).await.unwrap();
    host.engine.keys().revoke(leaked.key.id).await.unwrap();
    let patch = |area: &str| {
        let request = host.request("PATCH", &format!("/api/v1/{area}/api-keys/{}", leaked.key.id));
        request.header("Content-Type", "application/json").body(r#"{"is_active": true}"#)
    };
    assert_eq!(host.send(patch("team").bearer_auth(&lead.secret)).await.status, 403);
    assert_eq!(host.send(patch("admin").bearer_auth(&host.admin.secret)).await.status, 200);
}

#[tokio::test]
async fn nothing_and_its_default_are_one_request() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    let mut body = message("c", "Hi");
    for replayed in [None, Some("true")] {
        let request = host.posting(&key, "/api/v1/chat", &body).header("Idempotency-Key", "once");
        let answer = host.send(request).await;
        assert_eq!((answer.status, answer.header("idempotency-replayed")), (200, replayed));
        body["metadata"] = json!({});
        body["model"] = json!(null);
    }
}

#[tokio::test]
async fn two_keys_in_one_request_are_none() {
    let host = TestHost::start().await;
    let request = host.request("GET", "/api/v1/sessions").bearer_auth(&host.admin.secret);
    let answer = host.send(request.header("Authorization", "Bearer other")).await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")));
}
