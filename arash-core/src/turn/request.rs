use std::sync::Arc;

use crate::message::{AttachmentSource, IncomingMessage};
use crate::team::Principal;
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
}

impl TurnRequest {
    /// The host program's own request: no key, no quota.
    pub fn new(message: IncomingMessage) -> Self {
        Self { message, principal: None, idempotency: None }
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

    /// What makes this request the same as another one.
    pub(super) fn digest(&self) -> RequestDigest {
        let message = &self.message;
        let optional =
            |text: &Option<String>| text.as_ref().map_or_else(Vec::new, |text| [b"=", text.as_bytes()].concat());
        let (message_id, model) = (optional(&message.message_id), optional(&message.model));
        let attachments: Vec<Vec<u8>> = message
            .attachments
            .iter()
            .map(|attachment| {
                let content: &[u8] = match &attachment.source {
                    AttachmentSource::Inline(data) => data,
                    AttachmentSource::Url(url) => url.as_bytes(),
                };
                [attachment.kind.as_str().as_bytes(), b":", content].concat()
            })
            .collect();
        let metadata = message.metadata.as_ref().map(|fields| serde_json::to_vec(fields).unwrap_or_default());
        let fixed: [&[u8]; 8] = [
            message.platform.as_bytes(),
            message.user_id.as_bytes(),
            message.chat_id.as_bytes(),
            &message_id,
            message.text.as_bytes(),
            message.kind.as_str().as_bytes(),
            &model,
            metadata.as_deref().unwrap_or_default(),
        ];
        RequestDigest::of(fixed.into_iter().chain(attachments.iter().map(Vec::as_slice)))
    }
}

impl From<IncomingMessage> for TurnRequest {
    fn from(message: IncomingMessage) -> Self {
        Self::new(message)
    }
}
