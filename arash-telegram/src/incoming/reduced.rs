//! An update without all that this room does not read.
//!
//! teloxide knows the Bot API as it was some time ago, and a message with one field that it cannot read is an empty
//! message to it: an entity of a new kind, a link that is no address, a file whose sender calls its type `x`. None of
//! that may cost anybody their message.

use serde_json::{Map, Value, json};

/// What is read of a message, as it is.
const FIELDS: [&str; 16] = [
    "message_id",
    "message_thread_id",
    "is_topic_message",
    "from",
    "sender_chat",
    "chat",
    "date",
    "edit_date",
    "media_group_id",
    "is_automatic_forward",
    "text",
    "caption",
    "migrate_to_chat_id",
    "migrate_from_chat_id",
    "forum_topic_closed",
    "forum_topic_reopened",
];
/// What is read of a file, as it is.
const FILE_FIELDS: [&str; 9] =
    ["file_id", "file_unique_id", "file_size", "file_name", "duration", "width", "height", "length", "performer"];
const FILES: [&str; 6] = ["document", "voice", "audio", "video", "video_note", "animation"];
/// The entities that are read.
const ENTITIES: [&str; 2] = ["mention", "text_mention"];

/// The same update with what is read of it, as JSON; nothing if it is of a kind that there is no need to read.
pub(super) fn reduced(raw: &str) -> Option<String> {
    let update: Map<String, Value> = serde_json::from_str(raw).ok()?;
    let id = update.get("update_id")?;
    let (kind, value) = update.iter().find_map(|(kind, value)| {
        let reduced = match kind.as_str() {
            "message" | "edited_message" => message(value, true)?,
            "my_chat_member" => change(value)?,
            _ => return None,
        };
        Some((kind, reduced))
    })?;
    Some(format!(r#"{{"update_id":{id},{}:{value}}}"#, Value::from(kind.as_str())))
}

fn message(value: &Value, has_reply: bool) -> Option<Value> {
    let whole = value.as_object()?;
    let mut reduced = picked(whole, &FIELDS);
    for name in ["entities", "caption_entities"] {
        let entities =
            whole.get(name).and_then(Value::as_array).map(|entities| entities.iter().filter(|entity| is_read(entity)));
        if let Some(entities) = entities {
            reduced.insert(name.to_owned(), entities.cloned().collect());
        }
    }
    for name in FILES {
        if let Some(file) = whole.get(name).and_then(Value::as_object) {
            reduced.insert(name.to_owned(), stripped_file(file));
        }
    }
    if let Some(sizes) = whole.get("photo").and_then(Value::as_array) {
        reduced.insert("photo".to_owned(), sizes.iter().filter_map(Value::as_object).map(stripped_file).collect());
    }
    if whole.contains_key("forward_origin") {
        let origin = json!({ "type": "hidden_user", "date": 0, "sender_user_name": "" });
        reduced.insert("forward_origin".to_owned(), origin);
    }
    if let Some(quote) = whole.get("quote").and_then(Value::as_object) {
        let quote = picked(quote, &["text", "position", "is_manual"]);
        reduced.insert("quote".to_owned(), Value::Object(quote));
    }
    if let Some(replied) = whole.get("reply_to_message").filter(|_| has_reply).and_then(|it| message(it, false)) {
        reduced.insert("reply_to_message".to_owned(), replied);
    }
    Some(Value::Object(reduced))
}

fn picked(whole: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    let fields = whole.iter().filter(|(name, _)| names.contains(&name.as_str()));
    fields.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn is_read(entity: &Value) -> bool {
    let is_number = |name: &str| entity.get(name).is_some_and(Value::is_u64);
    let kind = entity.get("type").and_then(Value::as_str);
    kind.is_some_and(|kind| ENTITIES.contains(&kind)) && is_number("offset") && is_number("length")
}

fn stripped_file(whole: &Map<String, Value>) -> Value {
    let mut file = picked(whole, &FILE_FIELDS);
    // Left out it is unknown to teloxide, and that is what a larger one than it can hold is as well.
    if whole.get("file_size").and_then(Value::as_u64).is_some_and(|size| size > u64::from(u32::MAX)) {
        file.remove("file_size");
    }
    let media_type = whole.get("mime_type").and_then(Value::as_str).filter(|name| is_media_type(name));
    // Null if there is none: teloxide wants to be told so.
    file.insert("mime_type".to_owned(), media_type.into());
    Value::Object(file)
}

/// Whether this is `type/subtype`, both of letters, digits and a few signs.
fn is_media_type(name: &str) -> bool {
    let is_token = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    name.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

/// A change of what the bot is in a chat: whether it is there, without what it may do.
fn change(value: &Value) -> Option<Value> {
    let whole = value.as_object()?;
    let mut reduced = picked(whole, &["chat", "from", "date"]);
    for name in ["old_chat_member", "new_chat_member"] {
        let member = whole.get(name)?;
        let status = match member.get("status")?.as_str()? {
            "restricted" if member.get("is_member") == Some(&Value::Bool(false)) => "left",
            "creator" | "administrator" | "restricted" => "member",
            other => other,
        };
        let mut stripped = json!({ "user": member.get("user")?, "status": status });
        if let (Some(fields), "kicked") = (stripped.as_object_mut(), status) {
            fields.insert("until_date".to_owned(), 0.into());
        }
        reduced.insert(name.to_owned(), stripped);
    }
    Some(Value::Object(reduced))
}
