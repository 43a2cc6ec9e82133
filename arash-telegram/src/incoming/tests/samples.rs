//! Updates by the Bot API's documentation.

use serde_json::{Value, json};

use crate::incoming::{Ask, BotInfo, Ignored, Incoming};

pub(super) const BOT: u64 = 7_000_000_001;
pub(super) const ANN: i64 = 100_000_001;
pub(super) const GROUP: i64 = -1_001_234_567_890;

pub(super) fn bot() -> BotInfo {
    BotInfo {
        id: BOT,
        username: "ArashBot".to_owned(),
        can_read_all_group_messages: false,
        commands: ["start", "help", "model", "stop", "retry", "stats"].map(str::to_owned).to_vec(),
        max_image_bytes: 200_000,
    }
}

pub(super) fn ann() -> Value {
    json!({ "id": ANN, "is_bot": false, "first_name": "Ann", "username": "ann", "language_code": "fa" })
}

pub(super) fn bot_user() -> Value {
    json!({ "id": BOT, "is_bot": true, "first_name": "Arash", "username": "ArashBot" })
}

/// Ann's message in the chat with the bot, with these fields besides.
pub(super) fn private(fields: Value) -> Value {
    let chat = json!({ "id": ANN, "first_name": "Ann", "username": "ann", "type": "private" });
    with(json!({ "message_id": 10, "from": ann(), "chat": chat, "date": 1_780_000_000 }), fields)
}

/// Ann's message in a supergroup.
pub(super) fn group(fields: Value) -> Value {
    let chat = json!({ "id": GROUP, "title": "Friends", "type": "supergroup" });
    with(json!({ "message_id": 20, "from": ann(), "chat": chat, "date": 1_780_000_000 }), fields)
}

/// Ann's message in the topic 5 of a forum.
pub(super) fn topic(fields: Value) -> Value {
    let chat = json!({ "id": GROUP, "title": "Friends", "type": "supergroup", "is_forum": true });
    group(with(json!({ "chat": chat, "message_thread_id": 5, "is_topic_message": true }), fields))
}

/// `base` with these fields besides, or in place of its own.
pub(super) fn with(mut base: Value, fields: Value) -> Value {
    let (Value::Object(into), Value::Object(fields)) = (&mut base, fields) else { panic!("two objects") };
    into.extend(fields);
    base
}

pub(super) fn update(kind: &str, value: &Value) -> String {
    format!(r#"{{"update_id":900001,"{kind}":{value}}}"#)
}

pub(super) fn parse(kind: &str, value: &Value) -> Incoming {
    Incoming::parse(&update(kind, value), &bot())
}

pub(super) fn meaning(message: &Value) -> Incoming {
    parse("message", message)
}

pub(super) fn ask(message: &Value) -> Ask {
    match meaning(message) {
        Incoming::Ask(ask) => *ask,
        other => panic!("{other:?}"),
    }
}

pub(super) fn ignored(message: &Value) -> Ignored {
    match meaning(message) {
        Incoming::Ignored(reason) => reason,
        other => panic!("{other:?}"),
    }
}

/// A text in which `@arashbot` and `/commands` are marked as such.
pub(super) fn text(text: &str) -> Value {
    let mut entities = Vec::new();
    let units: Vec<u16> = text.encode_utf16().collect();
    let at = |byte: usize| text[..byte].encode_utf16().count();
    for (byte, name) in text.match_indices("@ArashBot").chain(text.match_indices("@arashbot")) {
        let is_in_command = text[..byte].ends_with(|before: char| before.is_alphanumeric());
        if !is_in_command {
            entities.push(json!({ "type": "mention", "offset": at(byte), "length": name.len() }));
        }
    }
    if text.starts_with('/') {
        let length = units.iter().position(|&unit| unit == 32).unwrap_or(units.len());
        entities.push(json!({ "type": "bot_command", "offset": 0, "length": length }));
    }
    json!({ "text": text, "entities": entities })
}
