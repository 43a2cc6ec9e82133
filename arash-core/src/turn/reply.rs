use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ai::ChatReply;
use crate::error::{Error, ErrorKind, Result};
use crate::id::TurnId;
use crate::money::Micros;
use crate::platform::ModelId;
use crate::turn::answer::Answer;
use crate::turn::buffer::Told;
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
    /// The text: the last that the model said. What it said before it called tools is in the session's messages.
    pub text: String,
    /// The facts.
    pub receipt: TurnReceipt,
    /// What the provider answered, where this is a completion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) completion: Option<Arc<ChatReply>>,
}

/// What a [`ReplyStream`] gives. `Done` or `Failed` comes once, last.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ReplyEvent {
    /// More text. Where the model called tools, what it said before comes first and, after an empty line, what it says
    /// then; the [reply's text](Reply::text) is only the last of these.
    Delta(Arc<str>),
    /// Something the user should know that is not part of the answer, such as which tool runs.
    Notice(Arc<str>),
    /// The answer is whole and everything about it is durable.
    Done(Arc<Reply>),
    /// There will be no answer.
    Failed(Error),
}

/// An answer as it is written. Dropping it changes nothing: the turn ends and is recorded all the same.
///
/// Its events have positions, from 0 on: [`Engine::resume`](crate::Engine::resume) goes on after any of them.
pub struct ReplyStream {
    answer: Arc<Answer>,
    /// The place in the answer's buffer that is read next.
    next: usize,
    /// What is added to a place to make it a position.
    offset: usize,
    is_replayed: bool,
}

impl fmt::Debug for ReplyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyStream").field("turn_id", &self.turn_id()).finish_non_exhaustive()
    }
}

impl ReplyStream {
    /// Reads `answer` from the event at `next` on.
    pub(super) fn new(answer: Arc<Answer>, next: usize) -> Self {
        Self { answer, next, offset: 0, is_replayed: false }
    }

    /// Gives an answer of the past in one piece. If the events of the first time can still be had, there were `told` of
    /// them: its own end at the same position, so that whoever goes on after one of them misses nothing.
    pub(super) fn replay(reply: Reply, told: Option<usize>) -> Self {
        let answer = Answer::replayed(&reply);
        answer.finish(Ok(reply));
        let offset = told.map_or(0, |told| told.saturating_sub(answer.buffer.len()));
        Self { answer: Arc::new(answer), next: 0, offset, is_replayed: true }
    }

    /// The turn that is being answered.
    pub fn turn_id(&self) -> TurnId {
        self.answer.turn_id
    }

    /// The session's id as clients see it.
    pub fn session_id(&self) -> &str {
        self.answer.session_id.as_deref().unwrap_or_default()
    }

    /// Whether this is the result of an earlier request with the same idempotency key.
    pub fn is_replayed(&self) -> bool {
        self.is_replayed
    }

    /// The position of the event that came last; `None` before the first one.
    pub fn position(&self) -> Option<usize> {
        self.next.checked_sub(1).map(|place| place + self.offset)
    }

    /// The next event; `None` after the last one. Safe to cancel.
    pub async fn next(&mut self) -> Option<ReplyEvent> {
        loop {
            let told = self.answer.buffer.event(self.next).await?;
            self.next += 1;
            return Some(match told {
                Told::Text(text) => ReplyEvent::Delta(text),
                Told::Notice(text) => ReplyEvent::Notice(text),
                Told::Done(reply) => ReplyEvent::Done(reply),
                Told::Failed(error) => ReplyEvent::Failed(error),
                // These are told of completions.
                Told::Delta(_) => continue,
            });
        }
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// What [`ReplyEvent::Failed`] tells.
    pub async fn finish(self) -> Result<Reply> {
        self.answer.buffer.result().await
    }
}

/// What is kept of a turn for a repeated request.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StoredReply {
    Answered(Reply),
    Failed { code: String, message: String, retry_after: Option<Duration> },
}

impl StoredReply {
    pub(super) fn of(result: &Result<Reply>) -> Self {
        match result {
            Ok(reply) => Self::Answered(reply.clone()),
            Err(error) => Self::Failed {
                code: error.kind().code().to_owned(),
                message: error.to_string(),
                retry_after: error.retry_after(),
            },
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
            Self::Failed { code, message, retry_after } => {
                let error = Error::new(ErrorKind::from_code(&code).unwrap_or(ErrorKind::Internal), message).replayed();
                Err(match retry_after {
                    Some(delay) => error.with_retry_after(delay),
                    None => error,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_again_with_the_time_to_come_back() {
        let failure =
            Error::new(ErrorKind::AiService, "the AI service failed").with_retry_after(Duration::from_secs(7));
        let json = StoredReply::of(&Err(failure.clone())).to_json().unwrap();
        let again = StoredReply::replay(&json).unwrap_err();
        assert!(again.is_replayed());
        assert_eq!((again.kind(), again.to_string()), (failure.kind(), failure.to_string()));
        assert_eq!(again.retry_after(), failure.retry_after());
    }
}
