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
        Self { stream, first, chunks, writer: Writer::Unknown, has_usage, finish: None, request_id }
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
                // Some services answer whole although they are asked for a stream; what that says comes in pieces too.
                ChatDelta::Wire(json) if is_whole(json) => Writer::Host,
                ChatDelta::Wire(_) => Writer::Upstream,
                ChatDelta::Text(_) | ChatDelta::ToolCall(_) => Writer::Host,
                _ => Writer::Unknown,
            };
        }
        match (self.writer, delta) {
            // Upstreams are always asked for the tokens, because they are counted.
            (Writer::Upstream, ChatDelta::Wire(json)) if self.has_usage || !only_tells_usage(&json) => {
                write_data(chunk, &json);
            }
            (Writer::Host, ChatDelta::Text(text)) if !text.is_empty() => write_data(chunk, &self.chunks.text(text)),
            (Writer::Host, ChatDelta::ToolCall(call)) => write_data(chunk, &self.chunks.call(&call)),
            (_, ChatDelta::Finish(reason)) => self.finish = Some(reason),
            _ => {}
        }
    }

    fn write_end(&mut self, chunk: &mut String, receipt: &CompletionReceipt) {
        // An upstream that was stopped could not say so.
        if self.writer != Writer::Upstream || receipt.stopped && self.finish.is_none() {
            let reason = finish_reason(self.finish.as_ref(), self.chunks.has_calls());
            write_data(chunk, &self.chunks.finish(reason));
            if self.has_usage {
                write_data(chunk, &self.chunks.usage(receipt.usage));
            }
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

/// Whether this is no chunk, but an answer in one piece.
fn is_whole(json: &str) -> bool {
    let answer: Value = serde_json::from_str(json).unwrap_or_default();
    let choice = answer.pointer("/choices/0");
    choice.is_some_and(|choice| choice.get("message").is_some_and(Value::is_object) && choice.get("delta").is_none())
}

/// Whether a chunk says nothing but the tokens.
fn only_tells_usage(json: &str) -> bool {
    if !json.contains("\"usage\"") {
        return false;
    }
    let chunk: Value = serde_json::from_str(json).unwrap_or_default();
    let has_choices = chunk.get("choices").and_then(Value::as_array).is_some_and(|choices| !choices.is_empty());
    !has_choices && chunk.get("usage").is_some_and(|usage| !usage.is_null())
}
