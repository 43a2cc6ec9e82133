use uuid::Uuid;

use crate::ai::AiError;
use crate::ai::openai::form::CallPiece;
use crate::ai::upstream::malformed;
use crate::message::ToolCall;

/// Most tools that one answer may call.
const MAX_CALLS: usize = 128;
/// Most bytes that the calls of one answer may have.
const MAX_BYTES: usize = 1 << 20;

/// Puts tool calls together from their pieces.
///
/// Services send a call in one piece or in many, those of several calls in turns, told apart by `index`. Some give every
/// call the index 0, some give none, and some repeat id and name in every piece.
#[derive(Debug, Default)]
pub(super) struct ToolCalls {
    calls: Vec<(Option<i64>, ToolCall)>,
    bytes: usize,
}

impl ToolCalls {
    /// Adds a piece.
    pub(super) fn add(&mut self, piece: CallPiece) -> Result<(), AiError> {
        let (index, id) = (piece.index, piece.id.unwrap_or_default());
        let name = piece.function.as_ref().and_then(|function| function.name.clone()).unwrap_or_default();
        let arguments = piece.function.map_or(Ok(String::new()), |function| function.arguments());
        let arguments = arguments.map_err(|_| malformed("the arguments of a call are no text"))?;
        self.bytes += id.len() + name.len() + arguments.len();
        if self.bytes > MAX_BYTES {
            return Err(malformed(format!("the tool calls are over {MAX_BYTES} bytes")));
        }
        let place = match self.place(index, &id, &name) {
            Some(place) => place,
            None if self.calls.len() == MAX_CALLS => {
                return Err(malformed(format!("there are more than {MAX_CALLS} tool calls")));
            }
            None => {
                let call = ToolCall { id: String::new(), name: String::new(), arguments: String::new() };
                self.calls.push((index, call));
                self.calls.len() - 1
            }
        };
        if let Some((_, call)) = self.calls.get_mut(place) {
            if call.id.is_empty() {
                call.id = id;
            }
            if call.name.is_empty() {
                call.name = name;
            }
            call.arguments.push_str(&arguments);
        }
        Ok(())
    }

    /// The call that a piece belongs to, if it does not begin one.
    fn place(&self, index: Option<i64>, id: &str, name: &str) -> Option<usize> {
        let place = match index {
            Some(_) => self.calls.iter().rposition(|(known, _)| *known == index)?,
            // Without an index, whatever has a name begins a call.
            None if !name.is_empty() => return None,
            None => self.calls.len().checked_sub(1)?,
        };
        let (_, call) = self.calls.get(place)?;
        let is_another = !id.is_empty() && !call.id.is_empty() && id != call.id && !name.is_empty();
        (!is_another).then_some(place)
    }

    /// The calls in the order in which they began; `is_cut` when the answer was cut short, and the last one perhaps
    /// with it.
    pub(super) fn take(&mut self, is_cut: bool) -> impl Iterator<Item = ToolCall> + use<> {
        let calls = std::mem::take(&mut self.calls);
        calls.into_iter().map(|(_, call)| call).filter(|call| !call.name.is_empty()).filter_map(move |mut call| {
            if call.arguments.trim().is_empty() {
                // A call that was cut off at its beginning looks the same as one without arguments.
                if is_cut {
                    return None;
                }
                "{}".clone_into(&mut call.arguments);
            }
            if is_cut && serde_json::from_str::<serde::de::IgnoredAny>(&call.arguments).is_err() {
                return None;
            }
            if call.id.is_empty() {
                call.id = format!("call_{}", Uuid::now_v7().simple());
            }
            Some(call)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn calls(pieces: Value, is_cut: bool) -> Vec<(String, String, String)> {
        let mut calls = ToolCalls::default();
        for piece in serde_json::from_value::<Vec<CallPiece>>(pieces).unwrap() {
            calls.add(piece).unwrap();
        }
        calls.take(is_cut).map(|call| (call.id, call.name, call.arguments)).collect()
    }

    fn own(call: [&str; 3]) -> (String, String, String) {
        (call[0].to_owned(), call[1].to_owned(), call[2].to_owned())
    }

    #[test]
    fn pieces_are_told_apart_by_index() {
        let pieces = json!([
            {"index": 0, "id": "a", "type": "function", "function": {"name": "one", "arguments": ""}},
            {"index": 1, "id": "b", "function": {"name": "two", "arguments": "{\"x\""}},
            {"index": 0, "function": {"arguments": "{}"}},
            {"index": 1, "function": {"arguments": ":1}"}},
        ]);
        assert_eq!(calls(pieces, false), [own(["a", "one", "{}"]), own(["b", "two", "{\"x\":1}"])]);
    }

    #[test]
    fn whole_calls_may_share_an_index_or_have_none() {
        let pieces = json!([
            {"index": 0, "id": "a", "function": {"name": "one", "arguments": "{}"}},
            {"index": 0, "id": "b", "function": {"name": "one", "arguments": {"y": 2}}},
        ]);
        assert_eq!(calls(pieces, false), [own(["a", "one", "{}"]), own(["b", "one", "{\"y\":2}"])]);
        let pieces = json!([
            {"id": "a", "function": {"name": "one"}}, {"function": {"arguments": "{}"}},
            {"id": "b", "function": {"name": "two", "arguments": null}},
        ]);
        assert_eq!(calls(pieces, false), [own(["a", "one", "{}"]), own(["b", "two", "{}"])]);
    }

    #[test]
    fn id_and_name_may_be_repeated() {
        let piece = |arguments| json!({"index": 0, "id": "a", "function": {"name": "one", "arguments": arguments}});
        assert_eq!(calls(json!([piece("{\"x\""), piece(":1}")]), false), [own(["a", "one", "{\"x\":1}"])]);
    }

    #[test]
    fn a_missing_id_is_made() {
        let pieces =
            json!([{"index": 0, "function": {"name": "one"}}, {"index": 1, "id": "", "function": {"name": "two"}}]);
        let found = calls(pieces, false);
        assert!(found.iter().all(|(id, _, _)| id.starts_with("call_") && id.len() == 37), "{found:?}");
        assert_ne!(found[0].0, found[1].0);
    }

    #[test]
    fn a_call_that_was_cut_short_is_left_out() {
        let pieces = json!([
            {"index": 0, "id": "a", "function": {"name": "one", "arguments": "{\"x\":1}"}},
            {"index": 1, "id": "b", "function": {"name": "two", "arguments": "{\"x\":"}},
            {"index": 2, "id": "c", "function": {"name": "three", "arguments": ""}},
            {"index": 3, "id": "d"},
        ]);
        assert_eq!(calls(pieces.clone(), true), [own(["a", "one", "{\"x\":1}"])]);
        assert_eq!(calls(pieces, false).len(), 3, "what the model wrote by itself is told as it is");
    }

    #[test]
    fn calls_are_bounded_in_number_and_size() {
        let piece = |index: usize, text: &str| {
            let piece = json!({"index": index, "function": {"name": "n", "arguments": text}});
            serde_json::from_value::<CallPiece>(piece).unwrap()
        };
        let mut calls = ToolCalls::default();
        assert!((0..MAX_CALLS).all(|index| calls.add(piece(index, "")).is_ok()));
        assert!(calls.add(piece(MAX_CALLS, "")).is_err());
        let mut calls = ToolCalls::default();
        let long = "x".repeat(MAX_BYTES / 2);
        assert!(calls.add(piece(0, &long)).is_ok() && calls.add(piece(0, &long)).is_err());
    }
}
