use arash_core::FieldError;
use arash_core::message::{Attachment, AttachmentSource, MAX_ATTACHMENTS, MessageKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use poem_openapi::{Enum, Object};
use serde_json::{Map, Value};

use crate::text::{Address, Ascii};

/// What an attachment is.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case")]
pub(super) enum AttachmentKind {
    Image,
    Audio,
    Document,
}

impl From<AttachmentKind> for MessageKind {
    fn from(kind: AttachmentKind) -> Self {
        match kind {
            AttachmentKind::Image => Self::Image,
            AttachmentKind::Audio => Self::Audio,
            AttachmentKind::Document => Self::Document,
        }
    }
}

/// A file beside the text: either its content (`data`) or where it is (`url`).
#[derive(Debug, Object)]
#[oai(rename = "Attachment")]
pub(super) struct AttachmentInput {
    /// What it is.
    kind: AttachmentKind,
    /// Its media type, such as `audio/ogg`. An image's is found out from its content instead.
    #[oai(nullable, validator(max_length = 255))]
    media_type: Option<Ascii>,
    /// Its content in base64 (RFC 4648 section 4).
    #[oai(nullable)]
    data: Option<String>,
    /// Its address, http or https.
    #[oai(nullable, validator(max_length = 2048))]
    url: Option<Address>,
}

/// Faults of `attachments` that a schema cannot express.
pub(super) fn more_faults(fields: &Map<String, Value>, faults: &mut Vec<FieldError>) {
    let entries = fields.get("attachments").and_then(Value::as_array);
    // More than are accepted are refused as such, unread.
    for (index, entry) in entries.into_iter().flatten().take(MAX_ATTACHMENTS).enumerate() {
        let Value::Object(entry) = entry else { continue };
        let is_given = |name: &str| entry.get(name).is_some_and(|value| !value.is_null());
        if is_given("data") == is_given("url") {
            let field = format!("attachments.{index}").into();
            faults.push(FieldError { field, message: "must have either data or url".into() });
        }
    }
}

impl AttachmentInput {
    /// Reads it; without an image limit it may be no image. The fault, if any, has the name of the field within the
    /// attachment.
    pub(super) fn read(self, image_limit: Option<usize>) -> Result<Attachment, (&'static str, String)> {
        let kind = MessageKind::from(self.kind);
        let max_image_bytes = match (self.kind, image_limit) {
            (AttachmentKind::Image, None) => {
                return Err((
                    "kind",
                    "is image, but images are switched off here (ENABLE_IMAGE_PROCESSING)".to_owned(),
                ));
            }
            (_, limit) => limit.unwrap_or_default(),
        };
        let Some(data) = self.data else {
            let source = AttachmentSource::Url(self.url.map(String::from).unwrap_or_default());
            return Ok(Attachment { kind, media_type: self.media_type.map(String::from), source });
        };
        let media_type = self.media_type.map(String::from);
        let content = STANDARD.decode(data).map_err(|_| ("data", "is not base64".to_owned()))?;
        if content.is_empty() {
            return Err(("data", "is empty".to_owned()));
        }
        let media_type = match self.kind {
            AttachmentKind::Image => Some(image(&content, max_image_bytes)?),
            AttachmentKind::Audio | AttachmentKind::Document => media_type,
        };
        Ok(Attachment { kind, media_type, source: AttachmentSource::Inline(content.into()) })
    }
}

/// The media type of an image; what the client says of it is not trusted.
fn image(content: &[u8], max_bytes: usize) -> Result<String, (&'static str, String)> {
    if content.len() > max_bytes {
        return Err(("data", format!("is an image of {} bytes, at most {max_bytes} are accepted", content.len())));
    }
    let media_type = image_type(content).ok_or(("data", "is not an image, or none of PNG, JPEG, GIF and WebP"));
    media_type.map(str::to_owned).map_err(|(field, message)| (field, message.to_owned()))
}

/// By the first bytes, as each format's specification fixes them.
fn image_type(content: &[u8]) -> Option<&'static str> {
    match content {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_known_by_their_first_bytes() {
        assert_eq!(image_type(b"\x89PNG\r\n\x1a\n...."), Some("image/png"));
        assert_eq!(image_type(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
        assert_eq!(image_type(b"GIF89a"), Some("image/gif"));
        assert_eq!(image_type(b"RIFF\x01\x02\x03\x04WEBPVP8 "), Some("image/webp"));
        for other in [&b""[..], b"GIF88a", b"RIFF1234WAVE", b"<svg/>", b"\x89PNG"] {
            assert_eq!(image_type(other), None);
        }
    }
}
