//! Replies.

use serde_json::json;

use crate::support::Stage;

#[tokio::test]
async fn a_reply_shows_what_it_replies_to() {
    let stage = Stage::new().await;
    let question = stage.ann.say("question");
    let reply =
        json!({ "chat_id": stage.ann.chat_id(), "text": "answer", "reply_parameters": { "message_id": question } });
    let message = stage.ok("sendMessage", reply).await;
    assert_eq!(message["reply_to_message"]["text"], "question");
    stage.ann.reply(message["message_id"].as_i64().unwrap(), "thanks");
    let updates = stage.new_updates().await;
    assert_eq!(updates[1]["message"]["reply_to_message"]["text"], "answer");
}

#[tokio::test]
async fn a_reply_to_nothing_is_refused_unless_it_may_go_without() {
    let stage = Stage::new().await;
    let reply = |more: bool| {
        let parameters = json!({ "message_id": 999, "allow_sending_without_reply": more });
        json!({ "chat_id": stage.ann.chat_id(), "text": "answer", "reply_parameters": parameters })
    };
    assert_eq!(stage.refusal("sendMessage", reply(false)).await, "Bad Request: message to be replied not found");
    assert_eq!(stage.ok("sendMessage", reply(true)).await["reply_to_message"], json!(null));
    let old = json!({ "chat_id": stage.ann.chat_id(), "text": "answer", "reply_to_message_id": 999 });
    assert_eq!(stage.refusal("sendMessage", old).await, "Bad Request: message to be replied not found");
    let broken = json!({ "chat_id": stage.ann.chat_id(), "text": "answer", "reply_parameters": "7" });
    assert_eq!(stage.refusal("sendMessage", broken).await, "Bad Request: object expected as reply parameters");
}
