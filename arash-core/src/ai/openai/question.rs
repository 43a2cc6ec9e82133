use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::ai::upstream::address;
use crate::ai::{AiError, AiErrorKind, ChatRequest, ToolSpec};
use crate::message::{Attachment, AttachmentSource, Message, MessageKind, ToolCall};

/// The body of a request for chat completions. `heard` is what was said in the sound that is attached.
pub(super) fn question(request: &ChatRequest, heard: &[String], is_streamed: bool) -> Result<String, AiError> {
    if let Some(wire) = &request.wire {
        return Ok(wire.to_body(&request.model, is_streamed));
    }
    // Parameters come first, so that they cannot take the place of what the engine says.
    let mut body = Map::clone(&request.parameters);
    body.insert("model".to_owned(), json!(request.model));
    body.insert("messages".to_owned(), Value::Array(messages(request, heard)?));
    body.insert("stream".to_owned(), Value::Bool(is_streamed));
    if is_streamed {
        body.insert("stream_options".to_owned(), json!({"include_usage": true}));
    }
    if !request.tools.is_empty() {
        body.insert("tools".to_owned(), request.tools.iter().map(tool).collect());
    }
    Ok(Value::Object(body).to_string())
}

fn tool(tool: &ToolSpec) -> Value {
    let ToolSpec { name, description, parameters } = tool;
    json!({"type": "function", "function": {"name": name, "description": description, "parameters": parameters}})
}

fn messages(request: &ChatRequest, heard: &[String]) -> Result<Vec<Value>, AiError> {
    let newest = request.newest_index();
    let said = |(place, said): (usize, &Arc<Message>)| {
        let content = if Some(place) == newest {
            content(&said.text, &request.attachments, heard)?
        } else if said.text.is_empty() && !said.tool_calls.is_empty() {
            Value::Null
        } else {
            json!(said.text)
        };
        let mut message =
            Map::from_iter([("role".to_owned(), Value::from(said.role.as_str())), ("content".to_owned(), content)]);
        if !said.tool_calls.is_empty() {
            message.insert("tool_calls".to_owned(), said.tool_calls.iter().map(tool_call).collect());
        }
        if let Some(id) = &said.tool_call_id {
            message.insert("tool_call_id".to_owned(), json!(id));
        }
        Ok(Value::Object(message))
    };
    request.messages.iter().enumerate().map(said).collect()
}

fn tool_call(call: &ToolCall) -> Value {
    let ToolCall { id, name, arguments } = call;
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

/// What the user says and shows: a text where there is nothing else, because not every service takes parts.
fn content(text: &str, attachments: &[Attachment], heard: &[String]) -> Result<Value, AiError> {
    let texts = [text].into_iter().chain(heard.iter().map(String::as_str)).filter(|text| !text.trim().is_empty());
    let text = texts.collect::<Vec<_>>().join("\n\n");
    let shown: Vec<&Attachment> = attachments.iter().filter(|shown| shown.kind != MessageKind::Audio).collect();
    if shown.is_empty() {
        return Ok(Value::String(text));
    }
    let text = Some(text).filter(|text| !text.is_empty()).map(|text| json!({"type": "text", "text": text}));
    text.into_iter().map(Ok).chain(shown.into_iter().map(part)).collect()
}

fn part(attachment: &Attachment) -> Result<Value, AiError> {
    match (attachment.kind, &attachment.source) {
        (MessageKind::Image, _) => Ok(json!({"type": "image_url", "image_url": {"url": address(attachment)}})),
        (_, AttachmentSource::Inline(_)) => {
            let file = json!({"filename": "attachment", "file_data": address(attachment)});
            Ok(json!({"type": "file", "file": file}))
        }
        (_, AttachmentSource::Url(_)) => {
            Err(AiError::new(AiErrorKind::Attachment).with_source("a document by its address"))
        }
    }
}
