use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::id::TurnId;
use crate::money::Micros;
use crate::platform::ModelId;
use crate::turn::buffer::ReplyBuffer;
use crate::usage::TokenUsage;

/// The facts of an answered turn. They are durable when a caller sees them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TurnReceipt {
    /// The turn.
    pub turn_id: TurnId,
    /// The session's id as clients see it.
    pub session_id: String,
    /// The model that answered; for a command, the session's model after it.
    pub model: ModelId,
    /// Its name for people.
    pub model_name: String,
    /// The user's messages in the session since it was opened or cleared.
    pub message_count: u64,
    /// The messages that now form the context.
    pub history_length: u64,
    /// The command's name without the slash, if the message was one.
    pub command: Option<String>,
    /// The tokens.
    pub usage: TokenUsage,
    /// What they cost.
    pub cost: Micros,
    /// Whether the answer was stopped before its end.
    pub stopped: bool,
    /// Whether this is the result of an earlier request with the same idempotency key.
    #[serde(skip)]
    pub replayed: bool,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reply {
    /// The text.
    pub text: String,
    /// The facts.
    pub receipt: TurnReceipt,
}

/// What a [`ReplyStream`] gives. `Done` or `Failed` comes once, last.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ReplyEvent {
    /// More text.
    Delta(Arc<str>),
    /// Something the user should know that is not part of the answer.
    Notice(Arc<str>),
    /// The answer is whole and everything about it is durable.
    Done(Arc<Reply>),
    /// There will be no answer.
    Failed(Error),
}

/// An answer as it is written. Dropping it changes nothing: the turn ends and is recorded all the same.
pub struct ReplyStream {
    turn_id: TurnId,
    session_id: String,
    buffer: Arc<ReplyBuffer>,
    position: usize,
}

impl fmt::Debug for ReplyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyStream").field("turn_id", &self.turn_id).finish_non_exhaustive()
    }
}

impl ReplyStream {
    pub(super) fn new(turn_id: TurnId, session_id: String, buffer: Arc<ReplyBuffer>) -> Self {
        Self { turn_id, session_id, buffer, position: 0 }
    }

    /// The turn that is being answered.
    pub fn turn_id(&self) -> TurnId {
        self.turn_id
    }

    /// The session's id as clients see it.
    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// The next event; `None` after the last one. Safe to cancel.
    pub async fn next(&mut self) -> Option<ReplyEvent> {
        let event = self.buffer.event(self.position).await?;
        self.position += 1;
        Some(event)
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// What [`ReplyEvent::Failed`] tells.
    pub async fn finish(self) -> Result<Reply> {
        self.buffer.result().await
    }
}

/// What is kept of a turn for a repeated request.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StoredReply {
    Answered(Reply),
    Failed { code: String, message: String },
}

impl StoredReply {
    pub(super) fn of(result: &Result<Reply>) -> Self {
        match result {
            Ok(reply) => Self::Answered(reply.clone()),
            Err(error) => Self::Failed { code: error.kind().code().to_owned(), message: error.to_string() },
        }
    }

    pub(super) fn to_json(&self) -> Result<String> {
        serde_json::to_string(self)
            .map_err(|fault| Error::internal("a reply could not be written as JSON").with_source(fault))
    }

    /// The result that the first request got.
    pub(super) fn replay(json: &str) -> Result<Reply> {
        let stored: Self = serde_json::from_str(json)
            .map_err(|fault| Error::internal("a stored reply could not be read").with_source(fault))?;
        match stored {
            Self::Answered(mut reply) => {
                reply.receipt.replayed = true;
                Ok(reply)
            }
            Self::Failed { code, message } => {
                Err(Error::new(ErrorKind::from_code(&code).unwrap_or(ErrorKind::Internal), message).replayed())
            }
        }
    }
}
