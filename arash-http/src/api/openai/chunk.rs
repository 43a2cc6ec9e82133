//! Pieces of a completion as OpenAI writes them, for what no such upstream wrote.

use arash_core::ai::ToolCall;
use arash_core::id::TurnId;
use arash_core::usage::TokenUsage;
use poem_openapi::Object;
use poem_openapi::types::{Any, ToJSON};
use serde_json::Value;

use super::completion::{CalledFunction, CompletionUsage, created, id};

/// A piece of a completion. Those of an OpenAI-compatible upstream may have other fields beside these.
#[derive(Debug, Object)]
struct ChatCompletionChunk {
    /// The completion's id.
    id: String,
    /// Always `chat.completion.chunk`.
    object: String,
    /// When the completion was asked for, in seconds since 1970.
    created: u64,
    /// The model that answers: as the client named it, or as an upstream calls it.
    model: String,
    /// More of the answer; none in the chunk that tells the tokens.
    choices: Vec<ChunkChoice>,
    /// What all of it took; only in the last chunk, and only if the client asked for it.
    #[oai(skip_serializing_if_is_none)]
    usage: Option<CompletionUsage>,
}

/// More of an answer.
#[derive(Debug, Object)]
struct ChunkChoice {
    /// The answer's place.
    index: u32,
    /// What is new.
    delta: ChunkDelta,
    /// Always null, unless an upstream tells them.
    #[oai(nullable)]
    logprobs: Option<Any<Value>>,
    /// Why the answer ends here; null before its end.
    #[oai(nullable)]
    finish_reason: Option<String>,
}

/// What is new of an answer.
#[derive(Debug, Default, Object)]
struct ChunkDelta {
    /// Who says it: `assistant`, in the first one.
    #[oai(skip_serializing_if_is_none)]
    role: Option<String>,
    /// More text.
    #[oai(skip_serializing_if_is_none)]
    content: Option<String>,
    /// More tools that the client is to call.
    #[oai(skip_serializing_if_is_none)]
    tool_calls: Option<Vec<ChunkCall>>,
}

/// A call of a tool, or a part of one.
#[derive(Debug, Object)]
struct ChunkCall {
    /// Its place among the calls.
    index: usize,
    /// Its id, by which its result is known.
    id: String,
    /// Always `function`.
    r#type: String,
    /// What is called.
    function: CalledFunction,
}

/// Writes the chunks of one completion.
#[derive(Debug)]
pub(super) struct Chunks {
    id: String,
    created: u64,
    model: String,
    has_role: bool,
    calls: usize,
}

impl Chunks {
    /// Those of a turn, whose model the client calls `model`.
    pub(super) fn new(turn_id: TurnId, model: String) -> Self {
        Self { id: id(turn_id), created: created(turn_id), model, has_role: false, calls: 0 }
    }

    /// Those that come after an upstream's chunk: they have its id, time and model.
    pub(super) fn go_on_after(&mut self, json: &str) {
        let chunk: Value = serde_json::from_str(json).unwrap_or_default();
        let text = |name: &str| chunk.get(name).and_then(Value::as_str).map(str::to_owned);
        self.id = text("id").unwrap_or_else(|| std::mem::take(&mut self.id));
        self.model = text("model").unwrap_or_else(|| std::mem::take(&mut self.model));
        self.created = chunk.get("created").and_then(Value::as_u64).unwrap_or(self.created);
        self.has_role = true;
    }

    /// Whether there were calls of tools.
    pub(super) fn has_calls(&self) -> bool {
        self.calls > 0
    }

    /// More text.
    pub(super) fn text(&mut self, text: String) -> String {
        self.more(ChunkDelta { content: Some(text), ..ChunkDelta::default() }, None)
    }

    /// One more call.
    pub(super) fn call(&mut self, call: &ToolCall) -> String {
        let index = self.calls;
        self.calls += 1;
        let call = ChunkCall { index, id: call.id.clone(), r#type: "function".to_owned(), function: call.into() };
        self.more(ChunkDelta { tool_calls: Some(vec![call]), ..ChunkDelta::default() }, None)
    }

    /// The end of the answer.
    pub(super) fn finish(&mut self, reason: String) -> String {
        self.more(ChunkDelta::default(), Some(reason))
    }

    /// The tokens of all of it.
    pub(super) fn usage(&self, usage: TokenUsage) -> String {
        self.chunk(Vec::new(), Some(usage.into()))
    }

    fn more(&mut self, delta: ChunkDelta, finish_reason: Option<String>) -> String {
        let is_first = !std::mem::replace(&mut self.has_role, true);
        let delta = ChunkDelta { role: is_first.then(|| "assistant".to_owned()), ..delta };
        self.chunk(vec![ChunkChoice { index: 0, delta, logprobs: None, finish_reason }], None)
    }

    fn chunk(&self, choices: Vec<ChunkChoice>, usage: Option<CompletionUsage>) -> String {
        let chunk = ChatCompletionChunk {
            id: self.id.clone(),
            object: "chat.completion.chunk".to_owned(),
            created: self.created,
            model: self.model.clone(),
            choices,
            usage,
        };
        chunk.to_json_string()
    }
}
