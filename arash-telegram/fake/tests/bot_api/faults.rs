//! Faults on purpose.

use std::time::{Duration, Instant};

use arash_fake_telegram::{Fault, Told};
use serde_json::json;

use crate::support::Stage;

#[tokio::test]
async fn the_nth_call_of_a_method_is_struck_and_no_other() {
    let stage = Stage::new().await;
    stage.telegram.fault(Fault::too_many_requests(7).on("SENDMESSAGE").after(1));
    stage.sent("one").await;
    stage.ok("getMe", json!({})).await;
    let (status, body) = stage.call("sendMessage", json!({ "chat_id": stage.ann.chat_id(), "text": "two" })).await;
    assert_eq!(status, 429);
    assert_eq!(body["description"], "Too Many Requests: retry after 7");
    assert_eq!(body["parameters"], json!({ "retry_after": 7 }));
    stage.sent("three").await;
    let seen: Vec<_> = stage.ann.messages_of_bot().iter().map(|message| message.text().to_owned()).collect();
    assert_eq!(seen, ["one", "three"]);
}

#[tokio::test]
async fn a_fault_can_be_for_a_chat_or_for_what_is_said() {
    let stage = Stage::new().await;
    stage.telegram.fault(Fault::internal_error().in_chat(99).always());
    stage.telegram.fault(Fault::internal_error().containing("unlucky").always());
    stage.sent("lucky").await;
    let payload = json!({ "chat_id": stage.ann.chat_id(), "text": "unlucky" });
    for _ in 0..3 {
        assert_eq!(stage.refusal("sendMessage", payload.clone()).await, "Internal Server Error");
    }
    stage.telegram.mend();
    stage.ok("sendMessage", payload).await;
}

#[tokio::test]
async fn a_bad_gateway_is_no_json() {
    let stage = Stage::new().await;
    stage.telegram.fault(Fault::bad_gateway());
    let answer = stage.client.get(format!("{}/getMe", stage.base)).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 502);
    assert!(answer.text().await.unwrap().starts_with("<html>"));
}

#[tokio::test]
async fn a_reset_does_nothing_and_a_lost_reply_has_done_everything() {
    let stage = Stage::new().await;
    let send = |text: &str| {
        let payload = json!({ "chat_id": stage.ann.chat_id(), "text": text }).to_string();
        let request = stage.client.post(format!("{}/sendMessage", stage.base));
        request.header("content-type", "application/json").body(payload).send()
    };
    stage.telegram.fault(Fault::reset().on("sendMessage"));
    assert!(send("one").await.is_err());
    assert_eq!(stage.ann.messages_of_bot().len(), 0);
    stage.telegram.fault(Fault::lost_reply().on("sendMessage"));
    assert!(send("two").await.is_err());
    assert_eq!(stage.ann.messages_of_bot().len(), 1);
    let calls = stage.telegram.calls_of("sendMessage");
    assert_eq!(calls.iter().map(|call| call.told.clone()).collect::<Vec<_>>(), [Told::Nothing, Told::Nothing]);
    assert_eq!(calls.iter().map(arash_fake_telegram::Call::succeeded).collect::<Vec<_>>(), [false, true]);
    stage.sent("three").await;
}

#[tokio::test]
async fn a_slow_call_happens_at_once_and_is_answered_late() {
    let stage = Stage::new().await;
    stage.telegram.fault(Fault::slow(Duration::from_secs(1)).on("sendMessage"));
    let began = Instant::now();
    let (_, seen) = tokio::join!(stage.sent("slow"), async {
        stage.telegram.until(|_| stage.ann.messages_of_bot().pop()).await.unwrap();
        began.elapsed()
    });
    assert!(seen < Duration::from_secs(1) && began.elapsed() >= Duration::from_secs(1), "{seen:?}");
}
