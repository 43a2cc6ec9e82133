//! What comes from the service. Only what is used is read, and all of it may be missing: compatible services differ.

use serde::Deserialize;
use serde_json::Value;

use crate::usage::TokenUsage;

/// A whole answer, or a chunk of a streamed one.
#[derive(Deserialize)]
pub(super) struct Body {
    pub(super) choices: Option<Vec<Choice>>,
    pub(super) usage: Option<Value>,
    pub(super) model: Option<Value>,
    pub(super) error: Option<Value>,
    pub(super) object: Option<Value>,
}

/// One of the answers that were asked for; most ask for one.
#[derive(Deserialize)]
pub(super) struct Choice {
    pub(super) index: Option<i64>,
    message: Option<Said>,
    delta: Option<Said>,
    pub(super) finish_reason: Option<String>,
}

impl Choice {
    pub(super) fn said(&mut self) -> Option<Said> {
        self.delta.take().or(self.message.take())
    }
}

/// What the model said, or the next piece of it.
#[derive(Deserialize)]
pub(super) struct Said {
    content: Option<Value>,
    refusal: Option<String>,
    pub(super) tool_calls: Option<Vec<CallPiece>>,
}

impl Said {
    /// The text: a refusal is said too.
    pub(super) fn text(&self) -> String {
        let mut text = match &self.content {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(parts)) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
            _ => String::new(),
        };
        text.push_str(self.refusal.as_deref().unwrap_or_default());
        text
    }
}

/// A tool call, or the next piece of one.
#[derive(Deserialize)]
pub(super) struct CallPiece {
    pub(super) index: Option<i64>,
    pub(super) id: Option<String>,
    pub(super) function: Option<FunctionPiece>,
}

/// The name and the arguments, or the next pieces of them.
#[derive(Deserialize)]
pub(super) struct FunctionPiece {
    pub(super) name: Option<String>,
    arguments: Option<Value>,
}

impl FunctionPiece {
    /// The arguments' text; some services send the object itself.
    pub(super) fn arguments(&self) -> String {
        match &self.arguments {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(object) => object.to_string(),
        }
    }
}

/// The tokens, where both counts are told, under one of the two pairs of names.
pub(super) fn usage(usage: &Value) -> Option<TokenUsage> {
    let count = |names: [&str; 2]| names.iter().find_map(|name| usage.get(name)?.as_u64());
    Some(TokenUsage {
        prompt_tokens: count(["prompt_tokens", "input_tokens"])?,
        completion_tokens: count(["completion_tokens", "output_tokens"])?,
        estimated: false,
    })
}
