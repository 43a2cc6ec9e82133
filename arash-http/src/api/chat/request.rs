use std::collections::HashMap;

use arash_core::message::{MAX_TEXT_BYTES, MessageKind};
use arash_core::settings::HttpSettings;
use arash_core::{Error, FieldError, IncomingMessage};
use poem_openapi::types::Any;
use poem_openapi::{Enum, Object};
use serde_json::{Map, Value};

use super::attachment::{self, AttachmentInput};
use crate::api::platform::DEFAULT_PLATFORM;
use crate::body::{JsonBody, max_bytes_with_image};
use crate::text::{Line, Prose};

const MAX_METADATA_BYTES: usize = 4 << 10;

/// What a message mainly is.
#[derive(Clone, Copy, Debug, Default, Enum)]
#[oai(rename = "MessageType", rename_all = "snake_case")]
enum Kind {
    #[default]
    Text,
    Image,
    Audio,
    Document,
}

impl From<Kind> for MessageKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text,
            Kind::Image => Self::Image,
            Kind::Audio => Self::Audio,
            Kind::Document => Self::Document,
        }
    }
}

/// A message. Unknown fields are refused, save under `metadata`.
#[derive(Debug, Object)]
pub(super) struct ChatMessage {
    /// The platform it belongs to; a private one.
    #[oai(default = "default_platform", validator(min_length = 1, max_length = 64))]
    platform: String,
    /// Who sends it, in the client's own terms. No control characters.
    #[oai(validator(min_length = 1, max_length = 128))]
    user_id: Line,
    /// The conversation it belongs to, in the client's own terms. No control characters.
    #[oai(validator(min_length = 1, max_length = 128))]
    chat_id: Line,
    /// The client's own name for it.
    #[oai(nullable, validator(max_length = 255))]
    message_id: Option<Line>,
    /// Its text, at most 32,768 bytes in UTF-8; may be empty only beside attachments.
    text: Prose,
    /// What it mainly is.
    #[oai(default)]
    r#type: Kind,
    /// Files beside the text.
    #[oai(default, validator(max_items = 10))]
    attachments: Vec<AttachmentInput>,
    /// The model for this message only, by id or name; else the session's.
    #[oai(nullable, validator(max_length = 255))]
    model: Option<Line>,
    /// Whatever the client wants to say of it: an object of at most 4 KiB as JSON.
    #[oai(nullable)]
    metadata: Option<HashMap<String, Any<Value>>>,
}

fn default_platform() -> String {
    DEFAULT_PLATFORM.to_owned()
}

impl JsonBody for ChatMessage {
    fn max_bytes(settings: &HttpSettings) -> usize {
        max_bytes_with_image(settings)
    }

    fn more_faults(fields: &Map<String, Value>, faults: &mut Vec<FieldError>) {
        if let Some(message) = text_fault(fields) {
            faults.push(FieldError { field: "text".into(), message: message.into() });
        }
        let metadata_bytes = fields.get("metadata").map_or(0, |metadata| metadata.to_string().len());
        if metadata_bytes > MAX_METADATA_BYTES {
            let message = format!("is {metadata_bytes} bytes long as JSON, at most {MAX_METADATA_BYTES} are accepted");
            faults.push(FieldError { field: "metadata".into(), message: message.into() });
        }
        attachment::more_faults(fields, faults);
    }
}

fn text_fault(fields: &Map<String, Value>) -> Option<String> {
    let text = fields.get("text")?.as_str()?;
    if text.len() > MAX_TEXT_BYTES {
        return Some(format!("is {} bytes long, at most {MAX_TEXT_BYTES} are accepted", text.len()));
    }
    let has_attachments =
        fields.get("attachments").and_then(Value::as_array).is_some_and(|entries| !entries.is_empty());
    let is_missing = text.trim().is_empty() && !has_attachments;
    is_missing.then(|| "is empty, but a message needs a text or an attachment".to_owned())
}

impl ChatMessage {
    /// The message as the engine takes it; without an image limit it may have no images.
    ///
    /// # Errors
    /// `InvalidInput` naming every attachment that cannot be used.
    pub(super) fn into_message(self, image_limit: Option<usize>) -> Result<IncomingMessage, Error> {
        let mut message = IncomingMessage::text(self.platform, self.user_id, self.chat_id, self.text);
        let mut faults = Vec::new();
        for (index, attachment) in self.attachments.into_iter().enumerate() {
            match attachment.read(image_limit) {
                Ok(attachment) => message.attachments.push(attachment),
                Err((field, text)) => {
                    faults.push(FieldError {
                        field: format!("attachments.{index}.{field}").into(),
                        message: text.into(),
                    });
                }
            }
        }
        if !faults.is_empty() {
            return Err(Error::invalid_fields(faults));
        }
        message.message_id = self.message_id.map(String::from);
        message.kind = self.r#type.into();
        message.model = self.model.map(String::from);
        message.metadata =
            self.metadata.map(|fields| fields.into_iter().map(|(name, value)| (name, value.0)).collect());
        Ok(message)
    }
}
