//! Keyboards.

use serde_json::{Value, json};

use crate::support::Stage;

async fn refused(stage: &Stage, markup: Value) -> String {
    let payload = json!({ "chat_id": stage.ann.chat_id(), "text": "x", "reply_markup": markup });
    stage.refusal("sendMessage", payload).await
}

fn one(button: impl Into<Value>) -> Value {
    json!({ "inline_keyboard": [[button.into()]] })
}

#[tokio::test]
async fn an_inline_keyboard_is_under_the_message() {
    let stage = Stage::new().await;
    let keyboard = json!({ "inline_keyboard": [
        [{ "text": "A", "callback_data": "a" }, { "text": "B", "url": "https://example.org" }],
        [{ "text": "C", "callback_data": "c".repeat(64) }],
    ] });
    // As a text, as forms carry it, too.
    let payload = json!({ "chat_id": stage.ann.chat_id(), "text": "x", "reply_markup": keyboard.to_string() });
    assert_eq!(stage.ok("sendMessage", payload).await["reply_markup"], keyboard);
    let rows = stage.ann.messages_of_bot()[0].buttons();
    let texts: Vec<Vec<_>> = rows.iter().map(|row| row.iter().map(|button| button.text.as_str()).collect()).collect();
    assert_eq!(texts, [vec!["A", "B"], vec!["C"]]);
}

#[tokio::test]
async fn a_button_has_a_text_one_action_and_data_of_64_bytes_at_most() {
    let stage = Stage::new().await;
    for (button, words) in [
        (json!({ "text": "x", "callback_data": "é".repeat(33) }), "BUTTON_DATA_INVALID"),
        (
            json!({ "text": "x" }),
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (
            json!({ "text": "x", "callback_data": "" }),
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (json!({ "callback_data": "x" }), "can't parse inline keyboard button: Can't find field \"text\""),
        (json!({ "text": "", "callback_data": "x" }), "inline keyboard button text must be non-empty"),
        (json!("x"), "can't parse inline keyboard button: InlineKeyboardButton must be an Object"),
        (
            json!({ "text": "x", "url": "not a link" }),
            "inline keyboard button URL 'not a link' is invalid: Wrong HTTP URL",
        ),
        (
            json!({ "text": "x", "url": "https://a.b", "callback_data": "x" }),
            "can't parse inline keyboard button: exactly one action must be given",
        ),
    ] {
        assert_eq!(refused(&stage, one(button.clone())).await, format!("Bad Request: {words}"), "{button}");
    }
    assert_eq!(
        refused(&stage, json!({ "inline_keyboard": [{ "text": "x" }] })).await,
        "Bad Request: field \"inline_keyboard\" must be an Array of Arrays"
    );
    assert_eq!(refused(&stage, json!("{")).await, "Bad Request: can't parse reply keyboard markup JSON object");
    assert_eq!(refused(&stage, json!([])).await, "Bad Request: object expected as reply markup");
    let many = json!({ "inline_keyboard": vec![vec![json!({ "text": "x", "callback_data": "x" }); 4]; 26] });
    assert_eq!(refused(&stage, many).await, "Bad Request: reply markup is too long");
}

#[tokio::test]
async fn a_web_app_is_for_private_chats() {
    let stage = Stage::new().await;
    let group = stage.telegram.group("Team", &[&stage.ann]);
    let markup = one(json!({ "text": "x", "web_app": { "url": "https://example.org" } }));
    let send = |chat: i64| json!({ "chat_id": chat, "text": "x", "reply_markup": markup });
    stage.ok("sendMessage", send(stage.ann.chat_id())).await;
    assert_eq!(stage.refusal("sendMessage", send(group.id())).await, "Bad Request: BUTTON_TYPE_INVALID");
}

#[tokio::test]
async fn other_keyboards_are_not_under_a_message_and_not_for_edits() {
    let stage = Stage::new().await;
    let reply = json!({ "keyboard": [["Yes", { "text": "No" }]] });
    let payload = json!({ "chat_id": stage.ann.chat_id(), "text": "x", "reply_markup": reply });
    let message = stage.ok("sendMessage", payload).await;
    assert_eq!(message["reply_markup"], Value::Null);
    let edit = json!({ "chat_id": stage.ann.chat_id(), "message_id": message["message_id"], "reply_markup": reply });
    assert_eq!(stage.refusal("editMessageReplyMarkup", edit).await, "Bad Request: inline keyboard expected");
}
