use arash_core::money::CURRENCY;
use arash_core::turn::{Reply, TurnReceipt};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use uuid::Uuid;

use crate::idempotency;

/// What the answer took.
#[derive(Debug, Object)]
struct AnswerUsage {
    /// Tokens that were sent to the model.
    prompt_tokens: u64,
    /// Tokens that the model wrote.
    completion_tokens: u64,
    /// Both together.
    total_tokens: u64,
    /// What they cost, in millionths of the currency.
    cost_micros: i64,
    /// The currency.
    currency: String,
    /// Whether the tokens are an estimate, because the AI service did not tell.
    estimated: bool,
}

/// The facts of an answer.
#[derive(Debug, Object)]
struct AnswerData {
    /// The session's id.
    session_id: String,
    /// The turn's id.
    turn_id: Uuid,
    /// The name of the model that answered; after a command, of the session's model.
    model: String,
    /// The user's messages in the session since it was opened or cleared.
    message_count: u64,
    /// The messages that now form the context.
    history_length: u64,
    /// The command's name without the slash, if the message was one.
    #[oai(nullable)]
    command: Option<String>,
    /// What it took.
    usage: AnswerUsage,
    /// Always true; there only if the answer was stopped before its end.
    #[oai(skip_serializing_if_is_none)]
    stopped: Option<bool>,
}

/// An answer.
#[derive(Debug, Object)]
pub(super) struct ChatAnswer {
    /// Always true.
    success: bool,
    /// The answer's text.
    response: String,
    /// The facts.
    data: AnswerData,
}

/// A message was answered.
#[derive(Debug, ApiResponse)]
pub(super) enum ChatAnswered {
    /// The message was answered.
    #[oai(status = 200)]
    Answered(
        Json<ChatAnswer>,
        /// `true` when this is the result of an earlier request with the same `Idempotency-Key`.
        #[oai(header = "Idempotency-Replayed")]
        Option<String>,
    ),
}

impl From<Reply> for ChatAnswered {
    fn from(reply: Reply) -> Self {
        let replayed = idempotency::replayed(reply.receipt.replayed);
        Self::Answered(Json(reply.into()), replayed)
    }
}

impl From<Reply> for ChatAnswer {
    fn from(reply: Reply) -> Self {
        Self { success: true, response: reply.text, data: reply.receipt.into() }
    }
}

impl From<TurnReceipt> for AnswerData {
    fn from(receipt: TurnReceipt) -> Self {
        Self {
            session_id: receipt.session_id,
            turn_id: *receipt.turn_id.as_uuid(),
            model: receipt.model_name,
            message_count: receipt.message_count,
            history_length: receipt.history_length,
            command: receipt.command,
            stopped: receipt.stopped.then_some(true),
            usage: AnswerUsage {
                prompt_tokens: receipt.usage.prompt_tokens,
                completion_tokens: receipt.usage.completion_tokens,
                total_tokens: receipt.usage.total(),
                cost_micros: receipt.cost.0,
                currency: CURRENCY.to_owned(),
                estimated: receipt.usage.estimated,
            },
        }
    }
}
