//! Topics of forums.

use serde_json::{Value, json};

use crate::support::Stage;

#[tokio::test]
async fn messages_are_in_their_topic_and_general_has_no_number() {
    let stage = Stage::new().await;
    let group = stage.telegram.supergroup("Forum", &[&stage.ann]);
    let topic = group.topic("Rust");
    let question = stage.ann.at(&topic).say("/ask");
    stage.ann.at(&group).say("/ask");
    let updates = stage.new_updates().await;
    let (in_topic, in_general) = (&updates[updates.len() - 2]["message"], &updates[updates.len() - 1]["message"]);
    assert_eq!((&in_topic["message_thread_id"], &in_topic["is_topic_message"]), (&json!(topic.id()), &json!(true)));
    assert_eq!(in_topic["chat"]["is_forum"], true);
    assert_eq!((&in_general["message_thread_id"], &in_general["is_topic_message"]), (&Value::Null, &Value::Null));
    let send = |thread: i64| json!({ "chat_id": group.id(), "text": "x", "message_thread_id": thread });
    stage.ok("sendMessage", send(topic.id())).await;
    assert_eq!(stage.refusal("sendMessage", send(1)).await, "Bad Request: message thread not found");
    let reply = json!({ "chat_id": group.id(), "text": "y", "reply_parameters": { "message_id": question } });
    assert_eq!(stage.ok("sendMessage", reply).await["message_thread_id"], json!(topic.id()));
    assert_eq!(stage.ann.at(&topic).messages_of_bot().len(), 2);
}

#[tokio::test]
async fn a_closed_topic_refuses_and_a_deleted_one_is_not_there() {
    let stage = Stage::new().await;
    let group = stage.telegram.supergroup("Forum", &[&stage.ann]);
    let topic = group.topic("Rust");
    let send = json!({ "chat_id": group.id(), "text": "x", "message_thread_id": topic.id() });
    topic.close();
    assert_eq!(stage.refusal("sendMessage", send.clone()).await, "Bad Request: TOPIC_CLOSED");
    topic.reopen();
    stage.ok("sendMessage", send.clone()).await;
    topic.delete();
    assert_eq!(stage.refusal("sendMessage", send).await, "Bad Request: message thread not found");
    assert_eq!(stage.ann.at(&topic).messages().len(), 0);
}
