use std::sync::Arc;

use crate::id::TurnId;
use crate::message::{Attachment, Message};
use crate::platform::ModelId;
use crate::usage::TokenUsage;

/// What a provider is asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ChatRequest {
    /// The turn it is for; a provider may use it to recognise a repeated request.
    pub turn_id: TurnId,
    /// The model that is to answer.
    pub model: ModelId,
    /// The conversation, oldest first; the last message is the new one, of the user.
    pub messages: Vec<Arc<Message>>,
    /// What is attached to the new message.
    pub attachments: Vec<Attachment>,
    /// The user's messages in the session so far, the new one included; may be more than are in `messages`.
    pub message_count: u64,
}

impl ChatRequest {
    /// Asks `model` to go on with `messages`.
    pub fn new(model: ModelId, messages: Vec<Arc<Message>>) -> Self {
        let message_count = messages.iter().filter(|m| m.role == crate::message::Role::User).count() as u64;
        Self { turn_id: TurnId::new(), model, messages, attachments: Vec::new(), message_count }
    }

    /// The new message.
    pub fn newest(&self) -> Option<&Message> {
        self.messages.last().map(AsRef::as_ref)
    }
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChatDelta {
    /// More text.
    Text(String),
    /// The provider's count of the tokens; a later one replaces an earlier one.
    Usage(TokenUsage),
    /// The model that really answered, where it is not the one that was asked.
    Model(ModelId),
}

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatReply {
    /// The text.
    pub text: String,
    /// The provider's count of the tokens, if it told one.
    pub usage: Option<TokenUsage>,
    /// The model that really answered, where it is not the one that was asked.
    pub model: Option<ModelId>,
}

impl ChatReply {
    /// Adds a piece.
    pub fn push(&mut self, delta: ChatDelta) {
        match delta {
            ChatDelta::Text(text) => self.text.push_str(&text),
            ChatDelta::Usage(usage) => self.usage = Some(usage),
            ChatDelta::Model(model) => self.model = Some(model),
        }
    }
}
