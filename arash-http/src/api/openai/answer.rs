use std::time::Duration;

use arash_core::Error;
use arash_core::turn::{Completion, CompletionEvent, CompletionStream};
use poem::{IntoResponse, Response};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::{ToJSON, Type};
use poem_openapi::{ApiResponse, Object};

use super::completion::ChatCompletion;
use super::events::CompletionEvents;
use crate::event_stream;
use crate::request_id::RequestId;

const CONTENT_TYPE: &str = "application/json";

/// One server-sent event.
#[derive(Debug, Object)]
struct ChatCompletionEvent {
    /// `[DONE]` at the end, else JSON in one line: a chunk as OpenAI has it, which is a `ChatCompletion` whose choices have
    /// a `delta` in place of a `message`; or an `OpenAiError`.
    data: String,
}

/// A completion, whole or as it is written.
#[derive(Debug)]
pub(super) struct CompletionAnswer(Response);

impl CompletionAnswer {
    /// What was answered when `model` was asked.
    pub(super) fn whole(completion: &Completion, model: String) -> Self {
        let body = match completion.answer.wire.as_slice() {
            [answer] => answer.clone(),
            _ => ChatCompletion::of(completion, model).to_json_string(),
        };
        let receipt = &completion.receipt;
        let head = event_stream::named(receipt.turn_id, receipt.replayed);
        Self(head.content_type(CONTENT_TYPE).body(body))
    }

    /// What is being answered. Waits for the first of it, but no longer than a stream may be silent: what fails before is
    /// a failure with its status, which a client can try again.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) async fn streamed(
        mut stream: CompletionStream,
        model: String,
        has_usage: bool,
        request_id: RequestId,
        keep_alive: Duration,
    ) -> Result<Self, Error> {
        let first = tokio::time::timeout(keep_alive, stream.next()).await.ok().flatten();
        if let Some(CompletionEvent::Failed(error)) = first {
            return Err(error);
        }
        let (turn_id, is_replayed) = (stream.turn_id(), stream.is_replayed());
        let events = CompletionEvents::new(stream, first, model, has_usage, request_id);
        Ok(Self(event_stream::answer(turn_id, is_replayed, keep_alive, events)))
    }
}

impl IntoResponse for CompletionAnswer {
    fn into_response(self) -> Response {
        self.0
    }
}

impl ApiResponse for CompletionAnswer {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "The completion. Streamed, each event has only `data`: a chunk, then more of them, then `[DONE]`. \
                              What goes wrong after the first chunk is an event with an `OpenAiError`, without `[DONE]` after \
                              it. A comment comes after 15 seconds of silence.",
                status: Some(200),
                status_range: None,
                content: vec![
                    MetaMediaType { content_type: CONTENT_TYPE, schema: ChatCompletion::schema_ref() },
                    // Before OpenAPI 3.2 the schema of a stream of events is that of each one.
                    MetaMediaType {
                        content_type: event_stream::CONTENT_TYPE,
                        schema: ChatCompletionEvent::schema_ref(),
                    },
                ],
                headers: event_stream::headers(),
            }],
        }
    }

    fn register(registry: &mut Registry) {
        ChatCompletion::register(registry);
        ChatCompletionEvent::register(registry);
    }
}
