//! Flood control.

use std::time::Duration;

use serde_json::json;

use crate::support::Stage;

/// How many of so many messages to a chat are sent, and how long the first refusal wants to be waited.
async fn flood(stage: &Stage, chat: i64, count: usize) -> (usize, Option<u64>) {
    for sent in 0..count {
        let (status, body) = stage.call("sendMessage", json!({ "chat_id": chat, "text": "x" })).await;
        if status != 200 {
            assert_eq!(status, 429);
            return (sent, body["parameters"]["retry_after"].as_u64());
        }
    }
    (count, None)
}

#[tokio::test]
async fn a_chat_takes_a_burst_and_then_a_message_a_second() {
    let stage = Stage::new().await;
    stage.telegram.stop_clock();
    stage.telegram.control_floods(true);
    let chat = stage.ann.chat_id();
    assert_eq!(flood(&stage, chat, 10).await, (5, Some(3)));
    // Who does not wait has to wait anew.
    stage.telegram.turn_clock(Duration::from_secs(2));
    assert_eq!(flood(&stage, chat, 1).await, (0, Some(3)));
    stage.telegram.turn_clock(Duration::from_secs(2));
    assert_eq!(flood(&stage, chat, 1).await, (0, Some(3)));
    stage.telegram.turn_clock(Duration::from_secs(3));
    for _ in 0..10 {
        assert_eq!(flood(&stage, chat, 1).await, (1, None));
        stage.telegram.turn_clock(Duration::from_secs(1));
    }
}

#[tokio::test]
async fn edits_count_as_messages_and_other_chats_do_not() {
    let stage = Stage::new().await;
    let id = stage.sent("x").await;
    let bob = stage.telegram.person("Bob");
    bob.say("/start");
    stage.telegram.stop_clock();
    stage.telegram.control_floods(true);
    for number in 0..5 {
        let edit = json!({ "chat_id": stage.ann.chat_id(), "message_id": id, "text": number.to_string() });
        stage.ok("editMessageText", edit).await;
    }
    let edit = json!({ "chat_id": stage.ann.chat_id(), "message_id": id, "text": "y" });
    assert_eq!(stage.refusal("editMessageText", edit).await, "Too Many Requests: retry after 3");
    assert_eq!(flood(&stage, bob.chat_id(), 1).await, (1, None));
}

#[tokio::test]
async fn a_group_takes_twenty_a_minute() {
    let stage = Stage::new().await;
    let group = stage.telegram.group("Team", &[&stage.ann]);
    stage.telegram.stop_clock();
    stage.telegram.control_floods(true);
    for _ in 0..20 {
        assert_eq!(flood(&stage, group.id(), 1).await, (1, None));
        stage.telegram.turn_clock(Duration::from_secs(2));
    }
    let (sent, wait) = flood(&stage, group.id(), 1).await;
    // The first of the twenty was 40 seconds ago.
    assert_eq!((sent, wait), (0, Some(20)));
    stage.telegram.turn_clock(Duration::from_secs(wait.unwrap()));
    assert_eq!(flood(&stage, group.id(), 1).await, (1, None));
}

#[tokio::test]
async fn the_bot_as_a_whole_has_thirty_a_second() {
    let stage = Stage::new().await;
    stage.telegram.stop_clock();
    stage.telegram.control_floods(true);
    let typing = json!({ "chat_id": stage.ann.chat_id(), "action": "typing" });
    for _ in 0..30 {
        stage.ok("sendChatAction", typing.clone()).await;
    }
    assert_eq!(stage.refusal("sendChatAction", typing).await, "Too Many Requests: retry after 3");
    let people: Vec<_> = (0..40).map(|_| stage.telegram.person("Bob")).collect();
    for person in &people {
        person.say("/start");
    }
    stage.telegram.turn_clock(Duration::from_secs(10));
    let sends =
        people.iter().map(|person| stage.call("sendMessage", json!({ "chat_id": person.chat_id(), "text": "x" })));
    let sent = futures_util::future::join_all(sends).await.iter().filter(|(status, _)| *status == 200).count();
    assert_eq!(sent, 30);
}

#[tokio::test]
async fn it_can_be_switched_off() {
    let stage = Stage::new().await;
    assert_eq!(flood(&stage, stage.ann.chat_id(), 40).await, (40, None));
}
