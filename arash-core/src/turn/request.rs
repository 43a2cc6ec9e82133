use std::sync::Arc;

use crate::message::{AttachmentSource, IncomingMessage};
use crate::team::Principal;
use crate::turn::completion::CompletionInput;
use crate::turn::{IdempotencyKey, RequestDigest};

/// A message together with who sends it and how often it may count.
///
/// ```
/// use arash_core::{IncomingMessage, turn::TurnRequest};
/// let request = TurnRequest::from(IncomingMessage::text("internal", "user-1", "chat-1", "Hello"));
/// ```
#[derive(Clone, Debug)]
pub struct TurnRequest {
    pub(super) message: IncomingMessage,
    pub(super) principal: Option<Arc<Principal>>,
    pub(super) idempotency: Option<IdempotencyKey>,
    /// What a completion is asked with, which has no session.
    pub(super) completion: Option<CompletionInput>,
}

impl TurnRequest {
    /// The host program's own request: no key, no quota.
    pub fn new(message: IncomingMessage) -> Self {
        Self { message, principal: None, idempotency: None, completion: None }
    }

    /// The same request of the key `principal`: its team, its quotas, its models.
    pub fn principal(mut self, principal: Arc<Principal>) -> Self {
        self.principal = Some(principal);
        self
    }

    /// The same request, which is answered once however often it is sent with this key.
    pub fn idempotency_key(mut self, key: IdempotencyKey) -> Self {
        self.idempotency = Some(key);
        self
    }

    /// What makes this request the same as another one: who asks, and all that is asked.
    pub(super) fn digest(&self) -> RequestDigest {
        let message = &self.message;
        let key = self.principal.as_ref().map_or(0, |principal| principal.key_id().0).to_be_bytes();
        let metadata = message
            .metadata
            .as_ref()
            .filter(|fields| !fields.is_empty())
            .map(|fields| serde_json::to_vec(fields).unwrap_or_default());
        let mut parts: Vec<&[u8]> = vec![&key];
        for text in [&message.platform, &message.user_id, &message.chat_id, &message.text] {
            parts.push(text.as_bytes());
        }
        for text in [&message.message_id, &message.model, &message.locale] {
            add_optional(&mut parts, text.as_deref().map(str::as_bytes));
        }
        add_optional(&mut parts, metadata.as_deref());
        let completion =
            self.completion.as_ref().map(|asked| asked.wire.to_body(&asked.model, asked.wire.is_streamed()));
        if let Some(body) = &completion {
            parts.extend([&b"completion"[..], body.as_bytes()]);
        }
        parts.push(message.kind.as_str().as_bytes());
        for attachment in &message.attachments {
            parts.push(attachment.kind.as_str().as_bytes());
            add_optional(&mut parts, attachment.media_type.as_deref().map(str::as_bytes));
            match &attachment.source {
                AttachmentSource::Inline(data) => parts.extend([&b"inline"[..], data]),
                AttachmentSource::Url(url) => parts.extend([&b"url"[..], url.as_bytes()]),
            }
        }
        RequestDigest::of(parts)
    }
}

/// Nothing differs from something empty.
fn add_optional<'a>(parts: &mut Vec<&'a [u8]>, part: Option<&'a [u8]>) {
    match part {
        Some(part) => parts.extend([&b"some"[..], part]),
        None => parts.push(b"none"),
    }
}

impl From<IncomingMessage> for TurnRequest {
    fn from(message: IncomingMessage) -> Self {
        Self::new(message)
    }
}
