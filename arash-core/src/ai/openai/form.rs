//! What comes from the service. Only what is used is read, and all of it may be missing: compatible services differ.
//!
//! What may be of any form is kept as it came until it is known to be small: a tree of values takes up to a hundred times
//! the memory of its text.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::ai::{estimate_tokens, replace_lone_surrogates};
use crate::usage::TokenUsage;

/// Most entries that are taken of a list; the others are left out.
const MAX_ENTRIES: usize = 256;
/// Longest object that is read although its form is not known, in bytes.
const MAX_OBJECT_BYTES: usize = 64 << 10;

/// A whole answer, or a chunk of a streamed one.
#[derive(Deserialize)]
pub(super) struct Body {
    pub(super) choices: Option<Few<Choice>>,
    usage: Option<Box<RawValue>>,
    model: Option<Box<RawValue>>,
    error: Option<Box<RawValue>>,
    object: Option<Box<RawValue>>,
}

impl Body {
    /// The tokens, where both counts are told.
    pub(super) fn usage(&self) -> Option<TokenUsage> {
        usage(&object(self.usage.as_ref()?.get()))
    }

    /// The model that answers, as the service calls it.
    pub(super) fn model(&self) -> Option<String> {
        serde_json::from_str(self.model.as_ref()?.get()).ok()
    }

    /// The error, if it is one.
    pub(super) fn error(&self) -> Option<Value> {
        self.error.as_ref().map(|error| error.get()).filter(|error| *error != "null").map(object)
    }

    /// Whether it says that all of it is an error.
    pub(super) fn is_error(&self) -> bool {
        self.object.as_ref().is_some_and(|object| object.get() == r#""error""#)
    }
}

/// What is in an object of unknown form, which should be small; nothing if it is not.
pub(super) fn object(json: &str) -> Value {
    let small = Some(json).filter(|json| json.len() <= MAX_OBJECT_BYTES);
    small.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
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
    content: Option<Box<RawValue>>,
    refusal: Option<Box<RawValue>>,
    reasoning: Option<Box<RawValue>>,
    reasoning_content: Option<Box<RawValue>>,
    /// What calls were before there were several.
    function_call: Option<Box<RawValue>>,
    pub(super) tool_calls: Option<Few<CallPiece>>,
}

/// A part of what the model said.
#[derive(Deserialize)]
struct Part {
    text: Option<String>,
}

impl Said {
    /// The text: a refusal is said too.
    pub(super) fn text(&self) -> serde_json::Result<String> {
        let content = self.content.as_ref().map_or("null", |content| content.get());
        let mut text = match content.bytes().next() {
            Some(b'"') => string(content)?,
            Some(b'[') => {
                let parts: Few<Box<RawValue>> = serde_json::from_str(&replace_lone_surrogates(content))?;
                parts.0.iter().filter_map(|part| serde_json::from_str::<Part>(part.get()).ok()?.text).collect()
            }
            _ => String::new(),
        };
        if let Some(refusal) = self.refusal.as_ref().filter(|refusal| refusal.get() != "null") {
            text.push_str(&string(refusal.get())?);
        }
        Ok(text)
    }

    /// About how many tokens are in what is neither said nor a tool call: what the model thought.
    pub(super) fn thought_tokens(&self) -> u64 {
        // Some services tell the same under both names.
        let thought = [&self.reasoning, &self.reasoning_content].map(|json| tokens(json.as_deref()));
        thought.into_iter().max().unwrap_or(0) + tokens(self.function_call.as_deref())
    }
}

/// A text. A service that cuts it between two chunks may cut a letter in halves.
fn string(json: &str) -> serde_json::Result<String> {
    serde_json::from_str(&replace_lone_surrogates(json))
}

/// About how many tokens a value has, if it is there.
fn tokens(json: Option<&RawValue>) -> u64 {
    let json = json.map_or("null", RawValue::get);
    match string(json) {
        Ok(text) => estimate_tokens(&text),
        Err(_) if json == "null" => 0,
        Err(_) => estimate_tokens(json),
    }
}

/// A tool call, or the next piece of one.
#[derive(Deserialize)]
pub(super) struct CallPiece {
    pub(super) index: Option<i64>,
    pub(super) id: Option<String>,
    pub(super) function: Option<FunctionPiece>,
}

impl CallPiece {
    /// About how many tokens it has.
    pub(super) fn tokens(&self) -> u64 {
        let function = self.function.as_ref();
        let name = function.and_then(|function| function.name.as_deref()).map_or(0, estimate_tokens);
        name + tokens(function.and_then(|function| function.arguments.as_deref()))
    }
}

/// The name and the arguments, or the next pieces of them.
#[derive(Deserialize)]
pub(super) struct FunctionPiece {
    pub(super) name: Option<String>,
    arguments: Option<Box<RawValue>>,
}

impl FunctionPiece {
    /// The arguments' text; some services send the object itself.
    pub(super) fn arguments(&self) -> serde_json::Result<String> {
        match self.arguments.as_ref().map_or("null", |arguments| arguments.get()) {
            "null" => Ok(String::new()),
            text if text.starts_with('"') => string(text),
            object => Ok(object.to_owned()),
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

/// The first entries of a list. Empty ones take some bytes on their way and some hundred here.
pub(super) struct Few<T>(pub(super) Vec<T>);

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FewVisitor(PhantomData))
    }
}

struct FewVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FewVisitor<T> {
    type Value = Few<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Few<T>, A::Error> {
        let mut entries = Vec::new();
        while entries.len() < MAX_ENTRIES {
            let Some(entry) = list.next_element()? else { return Ok(Few(entries)) };
            entries.push(entry);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Few(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_list_only_the_beginning_is_kept() {
        let json = format!(r#"{{"choices":[{}{{}}]}}"#, r#"{"index":7},"#.repeat(10_000));
        let body: Body = serde_json::from_str(&json).unwrap();
        assert_eq!(body.choices.unwrap().0.len(), MAX_ENTRIES);
        let json = format!(r#"{{"content":[{}{{}}]}}"#, r#"{"text":"a"},5,"#.repeat(10_000));
        let said: Said = serde_json::from_str(&json).unwrap();
        assert_eq!(said.text().unwrap(), "a".repeat(MAX_ENTRIES / 2));
    }

    #[test]
    fn a_large_object_where_a_small_one_should_be_is_not_read() {
        let long = "x".repeat(MAX_OBJECT_BYTES);
        let json =
            format!(r#"{{"usage":{{"prompt_tokens":1,"completion_tokens":1,"x":"{long}"}},"error":["{long}"]}}"#);
        let body: Body = serde_json::from_str(&json).unwrap();
        assert_eq!((body.usage(), body.error()), (None, Some(Value::Null)), "an error all the same");
    }
}
