//! What comes in and what is remembered: messages, their kinds, roles and attachments.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::{Error, FieldError, Result};

/// Longest `user_id` and `chat_id`, in characters.
pub const MAX_ID_CHARS: usize = 128;
/// Longest text of a message, in bytes.
pub const MAX_TEXT_BYTES: usize = 32_768;
/// Longest name of any kind (`message_id`, `model`, `locale`, a media type), in bytes.
const MAX_NAME_BYTES: usize = 1_020;
/// Longest address of an attachment, in bytes.
const MAX_URL_BYTES: usize = 8_192;
/// Most attachments of one message.
pub const MAX_ATTACHMENTS: usize = 10;

/// What a message mainly is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MessageKind {
    /// Text, perhaps with attachments.
    #[default]
    Text,
    /// A picture; the text is its caption.
    Image,
    /// Speech or sound.
    Audio,
    /// A file.
    Document,
}

impl MessageKind {
    /// Its name in JSON and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Document => "document",
        }
    }
}

/// Where the content of an attachment is.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachmentSource {
    /// Here.
    Inline(Bytes),
    /// Behind this address, which the provider fetches; the engine never does.
    Url(String),
}

impl fmt::Debug for AttachmentSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline(data) => write!(f, "Inline({} bytes)", data.len()),
            Self::Url(url) => f.debug_tuple("Url").field(url).finish(),
        }
    }
}

/// A file beside a message's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// What it is: image, audio or document.
    pub kind: MessageKind,
    /// Its media type (`image/png`), where known.
    pub media_type: Option<String>,
    /// Where its content is.
    pub source: AttachmentSource,
}

impl Attachment {
    /// What the history keeps of it: everything but inline content.
    pub fn to_record(&self) -> AttachmentRecord {
        let (bytes, url) = match &self.source {
            AttachmentSource::Inline(data) => (Some(data.len() as u64), None),
            AttachmentSource::Url(url) => (None, Some(url.clone())),
        };
        AttachmentRecord { kind: self.kind, media_type: self.media_type.clone(), bytes, url }
    }
}

/// An attachment as the history remembers it: that it was there, not its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentRecord {
    /// What it was.
    pub kind: MessageKind,
    /// Its media type, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The size of inline content, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Its address, where it was given by address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Who says a message of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// The instructions of the host.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// The result of a tool that the model called.
    Tool,
}

impl Role {
    /// Its name in JSON, upstream and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }

    /// The role that [`Role::as_str`] names.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::System, Self::User, Self::Assistant, Self::Tool].into_iter().find(|role| role.as_str() == name)
    }
}

/// That the model wants a tool to be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Its id, by which the result refers to it; one is made where the provider gives none.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments as the model wrote them: meant to be a JSON object, but nobody has checked that. `{}` where it
    /// wrote nothing.
    pub arguments: String,
}

/// One message of a conversation, as it is remembered and sent upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said; shared, so that a context is built without copying texts.
    pub text: Arc<str>,
    /// What was attached.
    pub attachments: Vec<AttachmentRecord>,
    /// The tools that the model wants to be run; only an assistant's message has any.
    pub tool_calls: Vec<ToolCall>,
    /// The call whose result this is; every tool's message has one, and no other does.
    pub tool_call_id: Option<String>,
    /// When it was said.
    pub created_at: Timestamp,
}

impl Message {
    /// A message of `role` that says `text`.
    pub fn new(role: Role, text: impl Into<Arc<str>>, created_at: Timestamp) -> Self {
        Self {
            role,
            text: text.into(),
            attachments: Vec::new(),
            tool_calls: Vec::new(),
            tool_call_id: None,
            created_at,
        }
    }

    /// The model's message that says `text`, which may be empty, and calls these tools.
    pub fn calling(text: impl Into<Arc<str>>, tool_calls: Vec<ToolCall>, created_at: Timestamp) -> Self {
        Self { tool_calls, ..Self::new(Role::Assistant, text, created_at) }
    }

    /// The result of the tool call with this id.
    pub fn tool_result(call_id: impl Into<String>, text: impl Into<Arc<str>>, created_at: Timestamp) -> Self {
        Self { tool_call_id: Some(call_id.into()), ..Self::new(Role::Tool, text, created_at) }
    }
}

/// A message that a host hands to the engine.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IncomingMessage {
    /// The platform it came from, by name.
    pub platform: String,
    /// Who sent it; rate limits count by this.
    pub user_id: String,
    /// The conversation it belongs to.
    pub chat_id: String,
    /// The platform's own id of the message, if it has one.
    pub message_id: Option<String>,
    /// Its text; may be empty only with attachments.
    pub text: String,
    /// What it mainly is.
    pub kind: MessageKind,
    /// What is attached.
    pub attachments: Vec<Attachment>,
    /// The model for this message only; else the session's, else the platform's default.
    pub model: Option<String>,
    /// Whatever the caller says of it. The engine does not read it, but a request that is repeated with another one
    /// is another request.
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
    /// The user's language as a BCP 47 tag (`fa`, `en-GB`), for the engine's own texts.
    pub locale: Option<String>,
}

impl IncomingMessage {
    /// A plain text on `platform` from `user_id` in `chat_id`.
    pub fn text(
        platform: impl Into<String>,
        user_id: impl Into<String>,
        chat_id: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        Self {
            platform: platform.into(),
            user_id: user_id.into(),
            chat_id: chat_id.into(),
            message_id: None,
            text: text.into(),
            kind: MessageKind::Text,
            attachments: Vec::new(),
            model: None,
            metadata: None,
            locale: None,
        }
    }

    /// The same message for another model than the session's.
    pub fn with_model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Checks sizes and characters; the error names every field at fault.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with one entry a field.
    pub fn check(&self) -> Result<()> {
        let mut faults = Vec::new();
        check_id("user_id", &self.user_id, &mut faults);
        check_id("chat_id", &self.chat_id, &mut faults);
        if self.text.len() > MAX_TEXT_BYTES {
            let given = self.text.len();
            faults.push(fault("text", format!("is {given} bytes long; at most {MAX_TEXT_BYTES} are accepted")));
        }
        if self.text.contains('\0') {
            faults.push(fault("text", "must not have the character U+0000"));
        }
        if self.text.trim().is_empty() && self.attachments.is_empty() {
            faults.push(fault("text", "is empty; a message needs a text or an attachment"));
        }
        for (field, text) in [("message_id", &self.message_id), ("model", &self.model), ("locale", &self.locale)] {
            check_optional(field, text.as_deref(), MAX_NAME_BYTES, &mut faults);
        }
        for attachment in &self.attachments {
            check_optional("attachments.media_type", attachment.media_type.as_deref(), MAX_NAME_BYTES, &mut faults);
            if let AttachmentSource::Url(url) = &attachment.source {
                check_optional("attachments.url", Some(url), MAX_URL_BYTES, &mut faults);
            }
        }
        if self.attachments.len() > MAX_ATTACHMENTS {
            let given = self.attachments.len();
            faults.push(fault("attachments", format!("has {given} entries; at most {MAX_ATTACHMENTS} are accepted")));
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::invalid_fields(faults)) }
    }
}

fn fault(field: &'static str, message: impl Into<Cow<'static, str>>) -> FieldError {
    FieldError { field: Cow::Borrowed(field), message: message.into() }
}

fn check_optional(field: &'static str, text: Option<&str>, limit: usize, faults: &mut Vec<FieldError>) {
    if text.is_some_and(|text| text.len() > limit || text.chars().any(char::is_control)) {
        faults.push(fault(field, format!("must have at most {limit} bytes, none of them a control character")));
    }
}

/// Whether this can be a `user_id` or a `chat_id`.
pub(crate) fn is_id(id: &str) -> bool {
    let mut faults = Vec::new();
    check_id("id", id, &mut faults);
    faults.is_empty()
}

fn check_id(field: &'static str, id: &str, faults: &mut Vec<FieldError>) {
    // Bytes first: only an id of more than 128 bytes can have more than 128 characters.
    let too_long = id.len() > MAX_ID_CHARS && id.chars().count() > MAX_ID_CHARS;
    if id.is_empty() || too_long {
        faults.push(fault(field, format!("must have 1 to {MAX_ID_CHARS} characters")));
    } else if id.chars().any(char::is_control) {
        faults.push(fault(field, "must not have control characters"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(message: &IncomingMessage) -> Vec<String> {
        match message.check() {
            Ok(()) => Vec::new(),
            Err(error) => error.fields().iter().map(|fault| fault.field.to_string()).collect(),
        }
    }

    #[test]
    fn all_fields_at_fault_are_named_at_once() {
        let message = IncomingMessage::text("internal", "", "chat\n", "x".repeat(MAX_TEXT_BYTES + 1));
        assert_eq!(faults(&message), ["user_id", "chat_id", "text"]);
    }

    #[test]
    fn ids_are_counted_in_characters() {
        let persian = "آ".repeat(MAX_ID_CHARS);
        assert!(faults(&IncomingMessage::text("internal", persian.clone(), "c", "hi")).is_empty());
        assert_eq!(faults(&IncomingMessage::text("internal", persian + "آ", "c", "hi")), ["user_id"]);
    }

    #[test]
    fn an_empty_text_needs_an_attachment() {
        let mut message = IncomingMessage::text("internal", "u", "c", "  ");
        assert_eq!(faults(&message), ["text"]);
        message.attachments.push(Attachment {
            kind: MessageKind::Image,
            media_type: None,
            source: AttachmentSource::Inline(Bytes::from_static(b"x")),
        });
        assert!(faults(&message).is_empty());
    }

    #[test]
    fn the_history_keeps_no_inline_content() {
        let attachment = Attachment {
            kind: MessageKind::Image,
            media_type: Some("image/png".to_owned()),
            source: AttachmentSource::Inline(Bytes::from_static(b"12345")),
        };
        let record = serde_json::to_string(&attachment.to_record()).unwrap();
        assert_eq!(record, r#"{"kind":"image","media_type":"image/png","bytes":5}"#);
    }
}
