use arash_core::platform::ModelId;
use proptest::prelude::*;
use serde_json::{Value, json};
use teloxide::types::{InlineKeyboardButton, InlineKeyboardMarkup, MessageId};

use super::samples::{ANN, GROUP, ann, bot_user, parse, private, topic, with};
use crate::incoming::{Button, ButtonPress, Incoming, Lane, ModelReference, Shown};

fn press(fields: Value) -> Button {
    let query = with(json!({ "id": "4382bfdwdsb323b2d9", "from": ann(), "chat_instance": "-1" }), fields);
    match parse("callback_query", &query) {
        Incoming::Button(button) => button,
        other => panic!("{other:?}"),
    }
}

fn answer() -> Value {
    private(json!({ "message_id": 11, "from": bot_user(), "text": "…", "reply_markup": { "inline_keyboard": [[
        { "text": "Stop", "callback_data": "stop" },
    ]] } }))
}

#[test]
fn a_press_tells_who_where_and_what() {
    let button = press(json!({ "message": answer(), "data": "stop" }));
    let expected = Button {
        update_id: 900_001,
        query_id: "4382bfdwdsb323b2d9".to_owned(),
        user_id: ANN,
        language: Some("fa".to_owned()),
        message: Some((Lane::of_chat(ANN), MessageId(11))),
        press: Some(ButtonPress::Stop),
        shown: Some(Shown {
            text: "…".to_owned(),
            keyboard: Some(InlineKeyboardMarkup::new([[InlineKeyboardButton::callback("Stop", "stop")]])),
        }),
    };
    assert_eq!(button, expected);
    let in_topic = press(json!({ "message": topic(json!({ "from": bot_user(), "text": "…" })), "data": "models:2" }));
    assert_eq!(in_topic.message.map(|(lane, _)| lane.to_string()), Some(format!("{GROUP}:5")));
    assert_eq!(in_topic.press, Some(ButtonPress::ModelPage(2)));
}

#[test]
fn what_the_bot_did_not_write_means_nothing() {
    let (short, id) = (json!({ "id": ANN, "first_name": "Ann", "type": "private" }), json!(11));
    let old = json!({ "chat": short, "message_id": id, "date": 0 });
    let button = press(json!({ "message": old, "data": "stop" }));
    assert_eq!((button.press, button.message), (None, Some((Lane::of_chat(ANN), MessageId(11)))));
    assert_eq!(button.shown, None);
    for fields in [
        json!({ "inline_message_id": "AAA", "data": "stop" }),
        json!({ "message": answer(), "game_short_name": "stop" }),
        json!({ "message": private(json!({ "text": "not the bot's" })), "data": "stop" }),
    ] {
        assert_eq!(press(fields).press, None);
    }
    for data in [
        "",
        "stop:",
        "Stop",
        "models:",
        "models:-1",
        "models:+1",
        "models:01",
        "models:65536",
        "model:1",
        "model:1:xyz",
        "model:1:00000000:",
        "model:1:ABCDEF01",
        "model:1:1",
        "\0",
    ] {
        assert_eq!(press(json!({ "message": answer(), "data": data })).press, None, "{data:?}");
    }
}

#[test]
fn a_stale_keyboard_chooses_no_other_model() {
    let models = ["openai/gpt-5", "openai/gpt-5-mini", "google/gemini"].map(ModelId::new);
    let second = ModelReference::new(1, &models[1]);
    assert_eq!(second.find(&models), Some(&models[1]));
    assert_eq!(second.find(&models[1..]), None);
    assert_eq!(second.find(&[]), None);
}

proptest! {
    #[test]
    fn what_a_button_holds_is_short_and_read_back(index: u16, page: u16, id in "\\PC{1,200}") {
        let model = ModelReference::new(index, &ModelId::new(id));
        for sent in [ButtonPress::Stop, ButtonPress::ModelPage(page), ButtonPress::UseModel(model)] {
            prop_assert!(sent.data().len() <= 64);
            let button = press(json!({ "message": answer(), "data": sent.data() }));
            prop_assert_eq!(button.press, Some(sent));
        }
    }
}
