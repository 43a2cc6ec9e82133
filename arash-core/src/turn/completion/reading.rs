//! What is read of a client's own request for chat completions. Only what the engine needs has to be in order: all else is
//! the business of the client and of the provider.

use std::borrow::Cow;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::ai::{ToolSpec, WireRequest, replace_lone_surrogates};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::message::{Attachment, AttachmentSource, Message, MessageKind, Role, ToolCall};
use crate::platform::ModelId;

/// The model that is asked for.
pub(super) fn model(wire: &WireRequest) -> Result<ModelId> {
    let fault = || Error::invalid("model", "must be the name of a model, a text");
    let model: Option<String> = field(wire, "model", fault)?;
    model.filter(|model| !model.is_empty()).map(ModelId::new).ok_or_else(fault)
}

/// Who the client says is asking; an empty name is none.
pub(super) fn user(wire: &WireRequest) -> Result<Option<String>> {
    let user: Option<String> = field(wire, "user", || Error::invalid("user", "must be a text"))?;
    Ok(user.filter(|user| !user.is_empty()))
}

/// The conversation, and what is attached to the last message of the user in it.
pub(super) fn conversation(wire: &WireRequest) -> Result<(Vec<Arc<Message>>, Vec<Attachment>)> {
    let fault = || Error::invalid("messages", "must be an array of one message or more");
    let given: Option<Vec<Value>> = field(wire, "messages", fault)?;
    let given = given.filter(|messages| !messages.is_empty()).ok_or_else(fault)?;
    let (mut messages, mut attachments) = (Vec::with_capacity(given.len()), Vec::new());
    for (place, given) in given.iter().enumerate() {
        let message = message(given).ok_or_else(|| {
            Error::invalid(format!("messages[{place}]"), "must be an object with a role and, but for calls, a content")
        })?;
        if message.role == Role::User {
            attachments = parts(given).filter_map(attachment).collect();
        }
        messages.push(Arc::new(message));
    }
    Ok((messages, attachments))
}

/// The functions that the model may call.
pub(super) fn tools(wire: &WireRequest) -> Result<Arc<[ToolSpec]>> {
    let fault = || Error::invalid("tools", "must be an array of objects, each with a type");
    let given: Option<Vec<Value>> = field(wire, "tools", fault)?;
    let mut tools = Vec::new();
    for given in given.iter().flatten() {
        given.get("type").and_then(Value::as_str).ok_or_else(fault)?;
        // Other kinds of tools are between the client and the service.
        let Some(function) = given.get("function") else { continue };
        let text = |name: &str| function.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let parameters = function.get("parameters").cloned().unwrap_or_else(|| serde_json::json!({"type": "object"}));
        tools.push(ToolSpec { name: text("name"), description: text("description"), parameters });
    }
    Ok(tools.into())
}

/// A field that may be missing or null; `otherwise` is the error when it is of another form.
fn field<T: DeserializeOwned>(
    wire: &WireRequest,
    name: &'static str,
    otherwise: impl FnOnce() -> Error,
) -> Result<Option<T>> {
    let Some(json) = wire.get(name) else { return Ok(None) };
    serde_json::from_str(json).map_err(|fault| {
        // JSON may hold more than can be read: half a letter, and numbers of any size.
        if fault.is_data() {
            otherwise()
        } else if matches!(replace_lone_surrogates(json), Cow::Owned(_)) {
            Error::invalid(name, "has text that is not Unicode: a \\u escape is one half of a surrogate pair")
        } else {
            Error::invalid(name, "has a value that cannot be read, such as a number that is too large")
        }
    })
}

fn message(given: &Value) -> Option<Message> {
    let role = match given.get("role")?.as_str()? {
        "system" | "developer" => Role::System,
        "assistant" => Role::Assistant,
        "tool" | "function" => Role::Tool,
        _ => Role::User,
    };
    let tool_calls: Vec<_> =
        given.get("tool_calls").and_then(Value::as_array).into_iter().flatten().filter_map(tool_call).collect();
    let content = match given.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text")?.as_str()).collect::<Vec<_>>().join("\n\n")
        }
        // What an assistant only called, refused or said aloud has none.
        None | Some(Value::Null) if role == Role::Assistant => String::new(),
        _ => return None,
    };
    let tool_call_id = given.get("tool_call_id").and_then(Value::as_str).map(str::to_owned);
    Some(Message { tool_calls, tool_call_id, ..Message::new(role, content, Timestamp::default()) })
}

fn tool_call(given: &Value) -> Option<ToolCall> {
    let function = given.get("function")?;
    let text = |of: &Value, name: &str| Some(of.get(name)?.as_str()?.to_owned());
    Some(ToolCall { id: text(given, "id")?, name: text(function, "name")?, arguments: text(function, "arguments")? })
}

fn parts(message: &Value) -> impl Iterator<Item = &Value> {
    message.get("content").and_then(Value::as_array).into_iter().flatten()
}

/// What a part of a message shows, if it is not text, by its address: what is in the request itself is a `data:` URL.
fn attachment(part: &Value) -> Option<Attachment> {
    let text = |of: &str, name: &str| part.get(of)?.get(name)?.as_str();
    let (kind, url) = match part.get("type")?.as_str()? {
        "image_url" => (MessageKind::Image, text("image_url", "url")?.to_owned()),
        "input_audio" => {
            let (format, data) = (text("input_audio", "format")?, text("input_audio", "data")?);
            (MessageKind::Audio, format!("data:audio/{format};base64,{data}"))
        }
        "file" => (MessageKind::Document, text("file", "file_data")?.to_owned()),
        _ => return None,
    };
    Some(Attachment { kind, media_type: None, source: AttachmentSource::Url(url) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(json: &str) -> WireRequest {
        WireRequest::parse(json).unwrap()
    }

    #[test]
    fn a_conversation_is_read_as_far_as_it_is_understood() {
        let request = wire(
            r#"{"messages": [
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "Look"}, {"type": "text", "text": "here"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}, {"type": "new"}]},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "c1", "content": "noon"},
                {"role": "someone", "content": ""}
            ]}"#,
        );
        let (messages, attachments) = conversation(&request).unwrap();
        let said: Vec<_> = messages.iter().map(|message| (message.role, &*message.text)).collect();
        let expected =
            [(Role::System, "Be brief."), (Role::User, "Look\n\nhere"), (Role::Assistant, ""), (Role::Tool, "noon")];
        assert_eq!(said[..4], expected);
        assert_eq!((said[4], attachments.len()), ((Role::User, ""), 0), "the last message of the user has none");
        assert_eq!(messages[2].tool_calls[0].name, "clock");
        assert_eq!(messages[3].tool_call_id.as_deref(), Some("c1"));
        let shown =
            wire(r#"{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}]}"#);
        let (_, attachments) = conversation(&shown).unwrap();
        assert_eq!((attachments.len(), attachments[0].kind), (1, MessageKind::Image));
    }

    #[test]
    fn what_the_engine_needs_has_to_be_in_order() {
        for json in [
            "{}",
            r#"{"messages": null}"#,
            r#"{"messages": []}"#,
            r#"{"messages": "hi"}"#,
            r#"{"messages": ["hi"]}"#,
            r#"{"messages": [{"content": "hi"}]}"#,
            r#"{"messages": [{"role": 1, "content": "hi"}]}"#,
            r#"{"messages": [{"role": "user"}]}"#,
            r#"{"messages": [{"role": "user", "content": 5}]}"#,
        ] {
            assert!(conversation(&wire(json)).is_err(), "{json}");
        }
        for json in ["{}", r#"{"model": ""}"#, r#"{"model": 5}"#, r#"{"model": null}"#] {
            assert!(model(&wire(json)).is_err(), "{json}");
        }
        assert!(user(&wire(r#"{"user": 5}"#)).is_err() && user(&wire(r#"{"user": null}"#)).unwrap().is_none());
        assert!(user(&wire(r#"{"user": ""}"#)).unwrap().is_none(), "some clients send it empty");
        for json in [r#"{"tools": {}}"#, r#"{"tools": [5]}"#, r#"{"tools": [{"function": {}}]}"#] {
            assert!(tools(&wire(json)).is_err(), "{json}");
        }
        let read = |json: &str| conversation(&wire(json)).unwrap_err().to_string();
        let half = r#"{"messages": [{"role": "user", "content": "canary \ud83d"}]}"#;
        assert!(read(half).contains("messages has text that is not Unicode") && !read(half).contains("canary"));
        assert!(
            read(r#"{"messages": [{"role": "user", "content": 1E400}]}"#).contains("messages has a value that cannot")
        );
        let named = tools(&wire(r#"{"tools": [{"type": "\ude00"}]}"#)).unwrap_err();
        assert!(named.to_string().contains("tools has text that is not Unicode"), "{named}");
        let given = r#"{"tools": [{"type": "web_search"}, {"type": "function", "function": {"name": "clock"}}]}"#;
        let read = tools(&wire(given)).unwrap();
        assert_eq!((read.len(), read[0].name.as_str()), (1, "clock"));
    }
}
