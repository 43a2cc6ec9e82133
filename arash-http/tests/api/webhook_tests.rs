//! The operation that tries a webhook.

use std::time::Duration;

use arash_core::team::AccessLevel;
use arash_core::webhook::signature::{BODY_SIGNATURE, verify_body};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Answer, Receiver, TestHost};

const TEST: &str = "/api/v1/admin/1/webhook/test";
const DELIVERIES: &str = "/api/v1/admin/1/webhook/deliveries";
const SECRET: &str = "my-own-secret-of-tests";

async fn start() -> (TestHost, Receiver) {
    let receiver = Receiver::default();
    let host = TestHost::with(|builder| builder.webhook_sender(receiver.clone())).await;
    let body = json!({"webhook_url": "https://example.com/hook", "webhook_secret": SECRET});
    host.put(&host.admin, "/api/v1/admin/1/webhook", &body).await;
    (host, receiver)
}

async fn test(host: &TestHost) -> Answer {
    host.send(host.request("POST", TEST).bearer_auth(&host.admin.secret)).await
}

#[tokio::test]
async fn a_test_tells_what_came_of_it() {
    let (host, receiver) = start().await;
    assert_snapshot!(test(&host).await, @r#"
    200
    {
      "error": null,
      "response_time_ms": "[ms]",
      "status_code": 200,
      "success": true
    }
    "#);
    receiver.answer(500);
    assert_snapshot!(test(&host).await, @r#"
    200
    {
      "error": "status 500",
      "response_time_ms": "[ms]",
      "status_code": 500,
      "success": false
    }
    "#);
    receiver.time_out();
    assert_snapshot!(test(&host).await, @r#"
    200
    {
      "error": "timeout",
      "response_time_ms": "[ms]",
      "status_code": null,
      "success": false
    }
    "#);
    let log = host.get(&host.admin, DELIVERIES).await;
    let states: Vec<_> = log.at("/items").as_array().unwrap().iter().map(|item| item["state"].clone()).collect();
    assert_eq!(states, ["dead", "dead", "delivered"]);
    assert_eq!(host.get(&host.admin, "/api/v1/admin/1/webhook").await.at("/failing_since"), json!(null));
}

#[tokio::test]
async fn what_is_sent_is_signed_and_names_the_team() {
    let (host, receiver) = start().await;
    test(&host).await;
    let sent = receiver.last();
    assert_eq!(sent.url, "https://example.com/hook");
    let payload: serde_json::Value = serde_json::from_str(&sent.event.payload).unwrap();
    assert_eq!((&payload["event"], &payload["team_id"]), (&json!("webhook.test"), &json!(1)));
    let signature = sent.signature.header(BODY_SIGNATURE).unwrap();
    assert_eq!(verify_body(&SECRET.into(), signature, sent.event.payload.as_bytes()), Ok(()));
}

#[tokio::test]
async fn a_webhook_that_is_switched_off_can_be_tried() {
    let (host, receiver) = start().await;
    host.put(&host.admin, "/api/v1/admin/1/webhook", &json!({"webhook_enabled": false})).await;
    assert_eq!(test(&host).await.at("/success"), json!(true));
    assert_eq!(receiver.ids().len(), 1);
}

#[tokio::test]
async fn one_test_of_a_team_is_made_at_a_time() {
    let (host, receiver) = start().await;
    receiver.wait(Duration::from_secs(1));
    let (first, second) = tokio::join!(test(&host), async {
        receiver.has_taken(1).await;
        test(&host).await
    });
    assert_eq!((first.status, second.status, second.at("/error")), (200, 409, json!("conflict")));
    assert_eq!(test(&host).await.status, 200);
}

#[tokio::test]
async fn a_test_is_written_down_also_when_nobody_waits_for_it() {
    let (host, receiver) = start().await;
    receiver.wait(Duration::from_millis(300));
    let request = host.request("POST", TEST).bearer_auth(&host.admin.secret).timeout(Duration::from_millis(100));
    request.send().await.unwrap_err();
    receiver.has_taken(1).await;
    for _ in 0..100 {
        let log = host.get(&host.admin, DELIVERIES).await;
        if log.at("/items").as_array().unwrap().len() == 1 {
            return assert_eq!(log.at("/items/0/id"), json!(receiver.ids()[0]));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it is not in the log");
}

#[tokio::test]
async fn without_a_webhook_there_is_nothing_to_try() {
    let host = TestHost::start().await;
    assert_eq!(test(&host).await.status, 404);
    let lead = host.key("Team", AccessLevel::TeamLead).await;
    let path = "/api/v1/team/webhook/test";
    assert_eq!(host.send(host.request("POST", path).bearer_auth(&lead.secret)).await.status, 404);
    host.put(&lead, "/api/v1/team/webhook", &json!({"webhook_url": "https://example.com/hook"})).await;
    assert_eq!(host.send(host.request("POST", path).bearer_auth(&lead.secret)).await.at("/success"), json!(true));
}
