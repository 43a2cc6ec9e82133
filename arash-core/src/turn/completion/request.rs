use std::sync::Arc;

use crate::ai::{ToolSpec, WireRequest};
use crate::error::{Error, Result};
use crate::message::{IncomingMessage, Message, is_id};
use crate::platform::ModelId;
use crate::team::Principal;
use crate::turn::completion::reading;
use crate::turn::{IdempotencyKey, TurnRequest};

/// A client's own request for chat completions: whole in itself, without a session, a history or the engine's tools.
///
/// It is sent to providers that speak its protocol as it is; others answer from what is read of it here.
///
/// ```
/// use arash_core::ai::WireRequest;
/// use arash_core::turn::CompletionRequest;
///
/// # fn main() -> arash_core::Result<()> {
/// let wire = WireRequest::parse(r#"{"model": "m", "messages": [{"role": "user", "content": "Hello"}]}"#)?;
/// let request = CompletionRequest::new("internal", wire)?;
/// assert_eq!(request.model(), "m");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct CompletionRequest {
    request: TurnRequest,
}

/// What a completion is asked with.
#[derive(Clone, Debug)]
pub(in crate::turn) struct CompletionInput {
    pub(in crate::turn) wire: Arc<WireRequest>,
    /// The model as the client names it.
    pub(in crate::turn) model: ModelId,
    pub(in crate::turn) messages: Vec<Arc<Message>>,
    pub(in crate::turn) tools: Arc<[ToolSpec]>,
}

impl CompletionRequest {
    /// The host program's own request on `platform`: no key, no quota.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when `model`, `messages`, `tools` or `user` of `wire` are
    /// missing where they are needed, or of another form.
    pub fn new(platform: impl Into<String>, wire: WireRequest) -> Result<Self> {
        let model = reading::model(&wire)?;
        let (messages, attachments) = reading::conversation(&wire)?;
        let tools = reading::tools(&wire)?;
        let user = reading::user(&wire)?;
        if user.as_deref().is_some_and(|user| !is_id(user)) {
            return Err(Error::invalid("user", "must have 1 to 128 characters, none of them a control character"));
        }
        let newest = crate::ai::ChatRequest::new(model.clone(), messages);
        let text = newest.newest().map(|message| message.text.to_string()).unwrap_or_default();
        let message = IncomingMessage {
            attachments,
            ..IncomingMessage::text(platform, user.unwrap_or_default(), "", text).with_model(model.as_str())
        };
        let input = CompletionInput { wire: Arc::new(wire), model, messages: newest.messages, tools };
        Ok(Self { request: TurnRequest { completion: Some(input), ..TurnRequest::new(message) } })
    }

    /// The same request of the key `principal`: its team, its quotas, its models. Where the client names no user, the
    /// key is the user.
    pub fn principal(mut self, principal: Arc<Principal>) -> Self {
        if self.request.message.user_id.is_empty() {
            self.request.message.user_id = format!("key {}", principal.key_id());
        }
        self.request = self.request.principal(principal);
        self
    }

    /// The same request, which is answered once however often it is sent with this key.
    pub fn idempotency_key(mut self, key: IdempotencyKey) -> Self {
        self.request = self.request.idempotency_key(key);
        self
    }

    /// The model as the client names it.
    pub fn model(&self) -> &str {
        self.request.message.model.as_deref().unwrap_or_default()
    }

    /// The client's own request.
    pub fn wire(&self) -> Option<&WireRequest> {
        self.request.completion.as_ref().map(|input| &*input.wire)
    }
}

impl From<CompletionRequest> for TurnRequest {
    fn from(request: CompletionRequest) -> Self {
        request.request
    }
}
