use std::fmt;
use std::sync::Arc;

use crate::ai::{ChatDelta, ChatReply};
use crate::error::{Error, Result};
use crate::id::TurnId;
use crate::money::Micros;
use crate::platform::ModelId;
use crate::turn::answer::Answer;
use crate::turn::buffer::Told;
use crate::turn::{Reply, TurnReceipt};
use crate::usage::TokenUsage;

/// The facts of a completion. They are durable when a caller sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompletionReceipt {
    /// The turn that it is recorded as.
    pub turn_id: TurnId,
    /// The model that answered.
    pub model: ModelId,
    /// Its name for people.
    pub model_name: String,
    /// The tokens.
    pub usage: TokenUsage,
    /// What they cost.
    pub cost: Micros,
    /// Whether the answer was stopped before its end.
    pub stopped: bool,
    /// Whether this is the result of an earlier request with the same idempotency key.
    pub replayed: bool,
}

impl From<&TurnReceipt> for CompletionReceipt {
    fn from(receipt: &TurnReceipt) -> Self {
        Self {
            turn_id: receipt.turn_id,
            model: receipt.model.clone(),
            model_name: receipt.model_name.clone(),
            usage: receipt.usage,
            cost: receipt.cost,
            stopped: receipt.stopped,
            replayed: receipt.replayed,
        }
    }
}

/// A whole completion.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Completion {
    /// What the provider answered, also as it came where it speaks the client's protocol.
    pub answer: Arc<ChatReply>,
    /// The facts.
    pub receipt: CompletionReceipt,
}

impl Completion {
    pub(in crate::turn) fn of(reply: &Reply) -> Result<Self> {
        let answer = reply.completion.as_ref().ok_or_else(|| Error::internal("a completion is a session's reply"))?;
        Ok(Self { answer: Arc::clone(answer), receipt: CompletionReceipt::from(&reply.receipt) })
    }
}

/// What a [`CompletionStream`] gives. `Done` or `Failed` comes once, last.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CompletionEvent {
    /// A piece of the answer, as the provider gave it.
    Delta(ChatDelta),
    /// The answer is whole and everything about it is durable.
    Done(CompletionReceipt),
    /// The answer goes no further.
    Failed(Error),
}

/// A completion as it is written. Dropping it changes nothing: it ends and is recorded all the same, unless it is
/// [stopped](crate::Engine::stop).
pub struct CompletionStream {
    answer: Arc<Answer>,
    next: usize,
    is_replayed: bool,
}

impl fmt::Debug for CompletionStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompletionStream").field("turn_id", &self.turn_id()).finish_non_exhaustive()
    }
}

impl CompletionStream {
    pub(in crate::turn) fn new(answer: Arc<Answer>) -> Self {
        Self { answer, next: 0, is_replayed: false }
    }

    /// Gives a completion of the past.
    pub(in crate::turn) fn replay(reply: Reply) -> Result<Self> {
        // Nobody is told of what is only counted.
        let answer = ChatReply { unsaid: 0, ..ChatReply::clone(&Completion::of(&reply)?.answer) };
        let deltas = answer.into_deltas();
        let answer = Answer::replayed(&reply);
        deltas.for_each(|delta| answer.buffer.gather(delta));
        answer.finish(Ok(reply));
        Ok(Self { answer: Arc::new(answer), next: 0, is_replayed: true })
    }

    /// The turn that it is recorded as.
    pub fn turn_id(&self) -> TurnId {
        self.answer.turn_id
    }

    /// Whether this is the result of an earlier request with the same idempotency key.
    pub fn is_replayed(&self) -> bool {
        self.is_replayed
    }

    /// The next event; `None` after the last one. Safe to cancel.
    pub async fn next(&mut self) -> Option<CompletionEvent> {
        loop {
            let told = self.answer.buffer.event(self.next).await?;
            self.next += 1;
            return Some(match told {
                Told::Delta(delta) => CompletionEvent::Delta(delta),
                Told::Done(reply) => CompletionEvent::Done(CompletionReceipt::from(&reply.receipt)),
                Told::Failed(error) => CompletionEvent::Failed(error),
                // These are told of sessions' answers.
                Told::Text(_) | Told::Notice(_) => continue,
            });
        }
    }
}
