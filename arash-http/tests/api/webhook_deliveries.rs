//! The delivery log, and what is sent again.

use arash_core::team::AccessLevel;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Answer, Receiver, TestHost};

const WEBHOOK: &str = "/api/v1/admin/1/webhook";
const NOBODYS: &str = "019abc00-0000-7000-8000-000000000000";

async fn start() -> (TestHost, Receiver) {
    let receiver = Receiver::default();
    let host = TestHost::with(|builder| builder.webhook_sender(receiver.clone())).await;
    host.put(&host.admin, WEBHOOK, &json!({"webhook_url": "https://example.com/hook"})).await;
    (host, receiver)
}

/// Sends tests, each answered with one of these statuses; their ids, oldest first.
async fn tested(host: &TestHost, receiver: &Receiver, statuses: &[u16]) -> Vec<String> {
    for &status in statuses {
        receiver.answer(status);
        post(host, &format!("{WEBHOOK}/test")).await;
    }
    receiver.ids()
}

async fn post(host: &TestHost, path: &str) -> Answer {
    host.send(host.request("POST", path).bearer_auth(&host.admin.secret)).await
}

async fn list(host: &TestHost, query: &str) -> Answer {
    host.get(&host.admin, &format!("{WEBHOOK}/deliveries{query}")).await
}

fn ids(answer: &Answer) -> Vec<String> {
    let items = answer.at("/items");
    items.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// Waits until a delivery is delivered.
async fn delivered(host: &TestHost, id: &str) -> Value {
    for _ in 0..500 {
        let found = list(host, "").await.at("/items");
        let found = found.as_array().unwrap().iter().find(|item| item["id"] == id).unwrap().clone();
        if found["state"] == "delivered" {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{id} is not delivered");
}

#[tokio::test]
async fn an_answered_message_is_delivered_and_in_the_log() {
    let (host, receiver) = start().await;
    host.say(&host.admin, "chat", "Hello").await;
    receiver.has_taken(1).await;
    let id = receiver.ids().remove(0);
    let shown = delivered(&host, &id).await;
    assert_eq!((&shown["event"], &shown["webhook_id"]), (&json!("message.completed"), &json!(id)));
    assert_eq!(shown["session_id"], "internal_1_chat");
    assert_snapshot!(list(&host, "").await, @r#"
    200
    {
      "items": [
        {
          "attempts": 1,
          "created_at": "[time]",
          "delivered_at": "[time]",
          "error": null,
          "event": "message.completed",
          "id": "[uuid]",
          "next_attempt_at": null,
          "response_time_ms": "[ms]",
          "session_id": "internal_1_chat",
          "state": "delivered",
          "status_code": 200,
          "webhook_id": "[uuid]"
        }
      ],
      "next_cursor": null
    }
    "#);
    assert_snapshot!(host.get(&host.admin, &format!("{WEBHOOK}/deliveries/{id}")).await, @r#"
    200
    {
      "attempt_log": [
        {
          "at": "[time]",
          "attempt": 1,
          "error": null,
          "response_excerpt": null,
          "response_time_ms": "[ms]",
          "status_code": 200
        }
      ],
      "attempts": 1,
      "created_at": "[time]",
      "delivered_at": "[time]",
      "error": null,
      "event": "message.completed",
      "id": "[uuid]",
      "next_attempt_at": null,
      "response_time_ms": "[ms]",
      "session_id": "internal_1_chat",
      "state": "delivered",
      "status_code": 200,
      "webhook_id": "[uuid]"
    }
    "#);
}

#[tokio::test]
async fn the_log_is_paged_and_filtered_by_state() {
    let (host, receiver) = start().await;
    let mut expected = tested(&host, &receiver, &[200, 500, 200, 503, 200]).await;
    expected.reverse();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = list(&host, &format!("?limit=2{cursor}")).await;
        seen.extend(ids(&page));
        let Some(next) = page.at("/next_cursor").as_str().map(|next| format!("&cursor={next}")) else { break };
        cursor = next;
    }
    assert_eq!(seen, expected);
    assert_eq!(ids(&list(&host, "?state=dead").await), [expected[1].clone(), expected[3].clone()]);
    assert_eq!(ids(&list(&host, "?state=delivered&limit=1").await), [expected[0].clone()]);
    assert_eq!(ids(&list(&host, "?state=pending").await), [""; 0]);
    for (query, field) in [("state=lost", "state"), ("limit=0", "limit"), ("cursor=x", "cursor")] {
        let answer = list(&host, &format!("?{query}")).await;
        assert_eq!((answer.status, answer.fields()), (422, vec![field.to_owned()]));
    }
    assert!(list(&host, "?state=lost").await.text.contains("must be one of pending, delivered, dead"));
}

#[tokio::test]
async fn one_delivery_is_sent_again_under_its_id() {
    let (host, receiver) = start().await;
    let id = tested(&host, &receiver, &[500]).await.remove(0);
    let path = format!("{WEBHOOK}/deliveries/{id}");
    assert_snapshot!(post(&host, &format!("{path}/redeliver")).await, @r#"
    202
    {
      "message": "Delivery is sent again",
      "success": true
    }
    "#);
    receiver.has_taken(2).await;
    assert_eq!(receiver.ids(), [id.clone(), id.clone()]);
    delivered(&host, &id).await;
    let details = host.get(&host.admin, &path).await;
    let log = details.at("/attempt_log");
    let statuses: Vec<_> = log.as_array().unwrap().iter().map(|attempt| attempt["status_code"].clone()).collect();
    assert_eq!(statuses, [500, 200]);
    let audit = host.get(&host.admin, "/api/v1/admin/audit?limit=1").await;
    assert_eq!(
        (audit.at("/items/0/action"), audit.at("/items/0/after/event_id")),
        (json!("webhook.redelivered"), json!(id))
    );
}

#[tokio::test]
async fn what_there_is_not_is_not_sent_again() {
    let (host, receiver) = start().await;
    let id = tested(&host, &receiver, &[200]).await.remove(0);
    let lead = host.key("Others", AccessLevel::TeamLead).await;
    let admin = host.admin.clone();
    for (key, path) in [
        (&admin, format!("{WEBHOOK}/deliveries/{NOBODYS}")),
        (&admin, format!("{WEBHOOK}/deliveries/x")),
        (&admin, format!("/api/v1/admin/2/webhook/deliveries/{id}")),
        (&lead, format!("/api/v1/team/webhook/deliveries/{id}")),
    ] {
        assert_eq!(host.get(key, &path).await.status, 404, "{path}");
        let again = host.request("POST", &format!("{path}/redeliver")).bearer_auth(&key.secret);
        assert_eq!(host.send(again).await.status, 404, "{path}");
    }
    assert_eq!(receiver.ids().len(), 1);
}

#[tokio::test]
async fn a_range_is_sent_again() {
    let (host, receiver) = start().await;
    let all = tested(&host, &receiver, &[200, 500, 503]).await;
    let path = format!("{WEBHOOK}/redeliver");
    let long_ago = json!({"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00+03:30"});
    assert_eq!(host.post(&host.admin, &path, &long_ago).await.at("/redelivered"), json!(0));
    let ever = json!({"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"});
    assert_snapshot!(host.post(&host.admin, &path, &ever).await, @r#"
    202
    {
      "redelivered": 2,
      "success": true
    }
    "#);
    receiver.has_taken(5).await;
    let mut again = receiver.ids().split_off(3);
    again.sort();
    assert_eq!(again, all[1..]);
    for id in &all {
        delivered(&host, id).await;
    }
    let mut body = ever.clone();
    body["only_dead"] = json!(false);
    assert_eq!(host.post(&host.admin, &path, &body).await.at("/redelivered"), json!(3));
}

#[tokio::test]
async fn a_range_has_two_moments_in_order() {
    let (host, _) = start().await;
    let path = format!("{WEBHOOK}/redeliver");
    let day = |day: u32| format!("2026-11-{day:02}T00:00:00Z");
    for (body, fields) in [
        (json!({}), vec!["from", "to"]),
        (json!({"from": "yesterday", "to": 1}), vec!["to", "from"]),
        (json!({"from": day(2), "to": day(1)}), vec!["to"]),
        (json!({"from": day(1), "to": day(2), "only_dead": null}), vec!["only_dead"]),
    ] {
        let answer = host.post(&host.admin, &path, &body).await;
        assert_eq!((answer.status, answer.fields()), (422, fields.into_iter().map(str::to_owned).collect()), "{body}");
    }
}
