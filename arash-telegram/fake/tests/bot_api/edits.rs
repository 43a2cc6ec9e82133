//! Edits of messages, by the bot and by people.

use serde_json::json;

use crate::support::Stage;

const NOT_MODIFIED: &str = "Bad Request: message is not modified: specified new message content and reply markup are \
                            exactly the same as a current content and reply markup of the message";

#[tokio::test]
async fn an_edit_changes_the_text_and_is_remembered() {
    let stage = Stage::new().await;
    let id = stage.sent("Hel").await;
    let edited = json!({ "chat_id": stage.ann.chat_id(), "message_id": id, "text": "Hello" });
    let message = stage.ok("editMessageText", edited.clone()).await;
    assert!(message["edit_date"].is_u64() && message["text"] == "Hello");
    assert_eq!(stage.refusal("editMessageText", edited).await, NOT_MODIFIED);
    let seen = &stage.ann.messages_of_bot()[0];
    assert_eq!(seen.versions.iter().map(|version| version.text.as_str()).collect::<Vec<_>>(), ["Hel", "Hello"]);
}

#[tokio::test]
async fn formatting_or_a_keyboard_alone_is_a_modification() {
    let stage = Stage::new().await;
    let id = stage.sent("Hello").await;
    let edit = |more: serde_json::Value| {
        let mut payload = json!({ "chat_id": stage.ann.chat_id(), "message_id": id, "text": "Hello" });
        payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        payload
    };
    let bold = edit(json!({ "entities": [{ "type": "bold", "offset": 0, "length": 5 }] }));
    stage.ok("editMessageText", bold.clone()).await;
    assert_eq!(stage.refusal("editMessageText", bold).await, NOT_MODIFIED);
    let keyboard = json!({ "inline_keyboard": [[{ "text": "Stop", "callback_data": "stop" }]] });
    stage.ok("editMessageText", edit(json!({ "reply_markup": keyboard }))).await;
    assert_eq!(stage.ann.messages_of_bot()[0].buttons()[0][0].text, "Stop");
    // Without being given again, a keyboard goes.
    stage.ok("editMessageText", edit(json!({}))).await;
    assert_eq!(stage.ann.messages_of_bot()[0].buttons().len(), 0);
}

#[tokio::test]
async fn what_is_not_there_not_the_bots_or_no_text_is_not_edited() {
    let stage = Stage::new().await;
    let edit = |id: i64| json!({ "chat_id": stage.ann.chat_id(), "message_id": id, "text": "x" });
    assert_eq!(stage.refusal("editMessageText", edit(999)).await, "Bad Request: message to edit not found");
    let missing = json!({ "chat_id": stage.ann.chat_id(), "text": "x" });
    assert_eq!(stage.refusal("editMessageText", missing).await, "Bad Request: message identifier is not specified");
    let theirs = stage.ann.say("mine");
    assert_eq!(stage.refusal("editMessageText", edit(theirs)).await, "Bad Request: message can't be edited");
    let gone = stage.sent("gone").await;
    stage.ann.delete(gone);
    assert_eq!(stage.refusal("editMessageText", edit(gone)).await, "Bad Request: message to edit not found");
    let text = stage.sent("text").await;
    let caption = json!({ "chat_id": stage.ann.chat_id(), "message_id": text, "caption": "x" });
    let words = "Bad Request: there is no caption in the message to edit";
    assert_eq!(stage.refusal("editMessageCaption", caption).await, words);
}

#[tokio::test]
async fn the_bot_is_told_what_people_edit() {
    let stage = Stage::new().await;
    let id = stage.ann.say("Helo");
    stage.ann.edit(id, "Hello").unwrap();
    let updates = stage.new_updates().await;
    assert_eq!(updates[1]["edited_message"]["text"], "Hello");
    assert_eq!(updates[1]["edited_message"]["message_id"], json!(id));
    let of_bot = stage.sent("mine").await;
    assert!(stage.ann.edit(of_bot, "yours").is_err());
}
