//! A whole completion as OpenAI writes it, for what no such upstream wrote.

use arash_core::ai::{ChatReply, FinishReason, ToolCall};
use arash_core::id::TurnId;
use arash_core::turn::Completion;
use arash_core::usage::TokenUsage;
use poem_openapi::Object;
use poem_openapi::types::Any;
use serde_json::Value;

/// A completion. What an OpenAI-compatible upstream answered may have other fields beside these.
#[derive(Debug, Object)]
pub(super) struct ChatCompletion {
    /// Its id.
    id: String,
    /// Always `chat.completion`.
    object: String,
    /// When it was asked for, in seconds since 1970.
    created: u64,
    /// The model that answered: as the client named it, or as an upstream calls it.
    model: String,
    /// The answers: one, unless the client asked for more.
    choices: Vec<CompletionChoice>,
    /// What they took.
    usage: CompletionUsage,
}

/// An answer.
#[derive(Debug, Object)]
struct CompletionChoice {
    /// Its place.
    index: u32,
    /// What the assistant says.
    message: CompletionMessage,
    /// Always null, unless an upstream tells them.
    #[oai(nullable)]
    logprobs: Option<Any<Value>>,
    /// Why it ends here: `stop`, `length`, `tool_calls`, `content_filter`.
    finish_reason: String,
}

/// What the assistant says.
#[derive(Debug, Object)]
struct CompletionMessage {
    /// Always `assistant`.
    role: String,
    /// The text; null where it only calls tools.
    #[oai(nullable)]
    content: Option<String>,
    /// Always null, unless an upstream refuses.
    #[oai(nullable)]
    refusal: Option<String>,
    /// The tools that the client is to call.
    #[oai(skip_serializing_if_is_none)]
    tool_calls: Option<Vec<CompletionCall>>,
}

/// A call of a tool.
#[derive(Debug, Object)]
struct CompletionCall {
    /// Its id, by which its result is known.
    id: String,
    /// Always `function`.
    r#type: String,
    /// What is called.
    function: CalledFunction,
}

/// A function that is called.
#[derive(Debug, Object)]
pub(super) struct CalledFunction {
    /// Its name.
    name: String,
    /// Its arguments, which should be JSON.
    arguments: String,
}

/// Tokens that were used.
#[derive(Debug, Object)]
#[expect(clippy::struct_field_names, reason = "the protocol calls them so")]
pub(super) struct CompletionUsage {
    /// Those that were sent to the model.
    prompt_tokens: u64,
    /// Those that the model wrote.
    completion_tokens: u64,
    /// Both together.
    total_tokens: u64,
}

impl ChatCompletion {
    /// The completion that was asked of `model`.
    pub(super) fn of(completion: &Completion, model: String) -> Self {
        let (answer, receipt) = (&completion.answer, &completion.receipt);
        let choice = CompletionChoice {
            index: 0,
            message: CompletionMessage::of(answer),
            logprobs: None,
            finish_reason: finish_reason(answer.finish.as_ref(), !answer.tool_calls.is_empty()),
        };
        Self {
            id: id(receipt.turn_id),
            object: "chat.completion".to_owned(),
            created: created(receipt.turn_id),
            model,
            choices: vec![choice],
            usage: receipt.usage.into(),
        }
    }
}

impl CompletionMessage {
    fn of(answer: &ChatReply) -> Self {
        let calls: Vec<_> = answer.tool_calls.iter().map(CompletionCall::of).collect();
        let only_calls = answer.text.is_empty() && !calls.is_empty();
        Self {
            role: "assistant".to_owned(),
            content: (!only_calls).then(|| answer.text.clone()),
            refusal: None,
            tool_calls: Some(calls).filter(|calls| !calls.is_empty()),
        }
    }
}

impl CompletionCall {
    fn of(call: &ToolCall) -> Self {
        Self { id: call.id.clone(), r#type: "function".to_owned(), function: call.into() }
    }
}

impl From<&ToolCall> for CalledFunction {
    fn from(call: &ToolCall) -> Self {
        Self { name: call.name.clone(), arguments: call.arguments.clone() }
    }
}

impl From<TokenUsage> for CompletionUsage {
    fn from(usage: TokenUsage) -> Self {
        let TokenUsage { prompt_tokens, completion_tokens, .. } = usage;
        Self { prompt_tokens, completion_tokens, total_tokens: usage.total() }
    }
}

/// The id of the completion that a turn is.
pub(super) fn id(turn_id: TurnId) -> String {
    format!("chatcmpl-{turn_id}")
}

/// When a turn began, in seconds since 1970: its id tells.
pub(super) fn created(turn_id: TurnId) -> u64 {
    turn_id.as_uuid().get_timestamp().map_or(0, |timestamp| timestamp.to_unix().0)
}

/// Why an answer ends; many services say nothing of it.
pub(super) fn finish_reason(told: Option<&FinishReason>, calls_tools: bool) -> String {
    let usual = if calls_tools { FinishReason::ToolCalls } else { FinishReason::Stop };
    told.unwrap_or(&usual).as_str().to_owned()
}
