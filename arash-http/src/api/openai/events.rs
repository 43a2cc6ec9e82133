use arash_core::ai::{ChatDelta, FinishReason};
use arash_core::turn::{CompletionEvent, CompletionReceipt, CompletionStream};
use serde_json::Value;

use super::chunk::Chunks;
use super::completion::finish_reason;
use crate::event_stream::Events;
use crate::problem::{Problem, Shape};
use crate::request_id::RequestId;

/// What stands in place of the last chunk's JSON. Without it, clients know that something went wrong.
const DONE: &str = "[DONE]";

/// Who writes the chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    /// Nobody yet.
    Unknown,
    /// An upstream that speaks the protocol: its own are passed on.
    Upstream,
    /// This host, of the pieces that come.
    Host,
}

/// A completion as it is written, in chunks.
#[derive(Debug)]
pub(super) struct CompletionEvents {
    stream: CompletionStream,
    /// The first event, which was waited for.
    first: Option<CompletionEvent>,
    chunks: Chunks,
    writer: Writer,
    /// Whether the client asked for the tokens.
    has_usage: bool,
    /// Whether an upstream's chunk told them.
    told_usage: bool,
    finish: Option<FinishReason>,
    request_id: RequestId,
}

impl CompletionEvents {
    /// The chunks of `stream`, after its event `first`. A problem in it is that of the request `request_id`.
    pub(super) fn new(
        stream: CompletionStream,
        first: Option<CompletionEvent>,
        model: String,
        has_usage: bool,
        request_id: RequestId,
    ) -> Self {
        let chunks = Chunks::new(stream.turn_id(), model);
        Self { stream, first, chunks, writer: Writer::Unknown, has_usage, told_usage: false, finish: None, request_id }
    }

    fn write(&mut self, chunk: &mut String, event: CompletionEvent) {
        match event {
            CompletionEvent::Delta(delta) => self.write_delta(chunk, delta),
            CompletionEvent::Done(receipt) => self.write_end(chunk, &receipt),
            CompletionEvent::Failed(error) => {
                write_data(chunk, &Problem::from(error).body_in(Shape::OpenAi, &self.request_id));
            }
            // Kinds that are newer than this host.
            _ => {}
        }
    }

    fn write_delta(&mut self, chunk: &mut String, delta: ChatDelta) {
        if self.writer == Writer::Unknown {
            self.writer = match &delta {
                ChatDelta::Wire(json) => {
                    // If it ends too early, it is ended as it began.
                    self.chunks.go_on_after(json);
                    Writer::Upstream
                }
                ChatDelta::Text(_) | ChatDelta::ToolCall(_) => Writer::Host,
                _ => Writer::Unknown,
            };
        }
        match (self.writer, delta) {
            (Writer::Upstream, ChatDelta::Wire(json)) => self.pass_on(chunk, json),
            (Writer::Host, ChatDelta::Text(text)) if !text.is_empty() => write_data(chunk, &self.chunks.text(text)),
            (Writer::Host, ChatDelta::ToolCall(call)) => write_data(chunk, &self.chunks.call(&call)),
            (_, ChatDelta::Finish(reason)) => self.finish = Some(reason),
            _ => {}
        }
    }

    fn pass_on(&mut self, chunk: &mut String, json: String) {
        // Some services answer whole although they are asked for a stream.
        let json = streamed(&json).unwrap_or(json);
        let usage = UsageIn::of(&json);
        // Upstreams are always asked for the tokens, because they are counted.
        if self.has_usage || usage != UsageIn::Alone {
            self.told_usage |= usage != UsageIn::Absent;
            write_data(chunk, &json);
        }
    }

    fn write_end(&mut self, chunk: &mut String, receipt: &CompletionReceipt) {
        // An upstream that was stopped could not say so, and some never do; clients wait for it.
        if self.writer != Writer::Upstream || self.finish.is_none() {
            let reason = finish_reason(self.finish.as_ref(), self.chunks.has_calls());
            write_data(chunk, &self.chunks.finish(reason));
        }
        if self.has_usage && !self.told_usage {
            write_data(chunk, &self.chunks.usage(receipt.usage));
        }
        write_data(chunk, DONE);
    }
}

impl Events for CompletionEvents {
    async fn write_next(&mut self, chunk: &mut String) -> bool {
        let written = chunk.len();
        // Some events are only noted.
        while chunk.len() == written {
            let event = match self.first.take() {
                Some(event) => event,
                None => match self.stream.next().await {
                    Some(event) => event,
                    None => return false,
                },
            };
            self.write(chunk, event);
        }
        true
    }
}

/// JSON in one line: a line break in it is white space, and would end the event's line.
fn write_data(chunk: &mut String, json: &str) {
    chunk.push_str("data: ");
    if json.contains(['\n', '\r']) {
        chunk.push_str(&json.replace(['\n', '\r'], " "));
    } else {
        chunk.push_str(json);
    }
    chunk.push_str("\n\n");
}

/// A whole answer as the one chunk of a stream; nothing if it is a chunk already.
fn streamed(json: &str) -> Option<String> {
    if !json.contains("\"message\"") {
        return None;
    }
    let mut answer: Value = serde_json::from_str(json).ok()?;
    let choices = answer.get_mut("choices")?.as_array_mut()?;
    if !choices.iter().all(|choice| choice.get("message").is_some() && choice.get("delta").is_none()) {
        return None;
    }
    for choice in choices.iter_mut().filter_map(Value::as_object_mut) {
        let mut delta = choice.remove("message")?;
        let calls = delta.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten();
        for (place, call) in calls.filter_map(Value::as_object_mut).enumerate() {
            call.entry("index").or_insert(Value::from(place));
        }
        choice.insert("delta".to_owned(), delta);
    }
    answer.as_object_mut()?.insert("object".to_owned(), Value::from("chat.completion.chunk"));
    Some(answer.to_string())
}

/// The tokens in a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UsageIn {
    /// It does not tell them.
    Absent,
    /// It tells them beside a piece of the answer.
    Beside,
    /// It tells nothing else.
    Alone,
}

impl UsageIn {
    fn of(json: &str) -> Self {
        if !json.contains("\"usage\"") {
            return Self::Absent;
        }
        let chunk: Value = serde_json::from_str(json).unwrap_or_default();
        let has_choices = chunk.get("choices").and_then(Value::as_array).is_some_and(|choices| !choices.is_empty());
        match chunk.get("usage").is_some_and(|usage| !usage.is_null()) {
            false => Self::Absent,
            true if has_choices => Self::Beside,
            true => Self::Alone,
        }
    }
}
