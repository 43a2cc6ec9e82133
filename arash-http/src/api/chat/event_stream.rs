use std::fmt::Write;
use std::time::Duration;

use arash_core::{ReplyEvent, ReplyStream};
use poem::{IntoResponse, Response};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::{ToJSON, Type};
use poem_openapi::{ApiResponse, Enum, Object};
use uuid::Uuid;

use super::answer::ChatAnswer;
use crate::event_stream::{self, CONTENT_TYPE, Events};
use crate::problem::{Problem, Shape};
use crate::request_id::RequestId;

/// What an event is.
#[derive(Debug, Enum)]
#[oai(rename_all = "snake_case")]
enum StreamEventName {
    Start,
    Delta,
    Notice,
    Done,
    Error,
}

/// One server-sent event.
#[derive(Debug, Object)]
struct StreamEvent {
    /// Its number; `Last-Event-ID` when the stream is read on.
    #[oai(validator(pattern = "^[0-9]+$"))]
    id: String,
    /// What it is.
    event: StreamEventName,
    /// JSON in one line: of `start` a `StreamStart`, of `delta` and `notice` a `StreamText`, of `done` a `ChatAnswer`, of
    /// `error` a `Problem`.
    data: String,
}

/// The data of `start`: names what follows.
#[derive(Debug, Object)]
struct StreamStart {
    /// The turn's id: the answer is read on and stopped by it.
    turn_id: Uuid,
    /// The session's id.
    session_id: String,
}

/// The data of `delta` and `notice`.
#[derive(Debug, Object)]
struct StreamText {
    /// Of `delta`, more of the answer; of `notice`, something to know that is no part of it.
    text: String,
}

/// An answer as it is written, as server-sent events.
#[derive(Debug)]
pub(super) struct EventStream {
    stream: ReplyStream,
    has_start: bool,
    request_id: RequestId,
    keep_alive: Duration,
}

impl EventStream {
    /// The whole answer. A problem in it is that of the request `request_id`.
    pub(super) fn new(stream: ReplyStream, request_id: RequestId, keep_alive: Duration) -> Self {
        Self { stream, has_start: true, request_id, keep_alive }
    }

    /// The rest of an answer.
    pub(super) fn resumed(stream: ReplyStream, request_id: RequestId, keep_alive: Duration) -> Self {
        Self { has_start: false, ..Self::new(stream, request_id, keep_alive) }
    }

    fn write(&self, chunk: &mut String, event: ReplyEvent) {
        let id = self.stream.position().map_or(0, |position| position + 1);
        match event {
            ReplyEvent::Delta(text) => write_object(chunk, id, "delta", &StreamText { text: text.to_string() }),
            ReplyEvent::Notice(text) => write_object(chunk, id, "notice", &StreamText { text: text.to_string() }),
            ReplyEvent::Done(reply) => write_object(chunk, id, "done", &ChatAnswer::from(reply.as_ref().clone())),
            ReplyEvent::Failed(error) => {
                write_event(chunk, id, "error", &Problem::from(error).body_in(Shape::Details, &self.request_id));
            }
            // Kinds that are newer than this host.
            _ => {}
        }
    }
}

impl Events for EventStream {
    async fn write_next(&mut self, chunk: &mut String) -> bool {
        if self.has_start {
            self.has_start = false;
            let start = StreamStart {
                turn_id: *self.stream.turn_id().as_uuid(),
                session_id: self.stream.session_id().to_owned(),
            };
            write_object(chunk, 0, "start", &start);
            return true;
        }
        let Some(event) = self.stream.next().await else { return false };
        self.write(chunk, event);
        true
    }
}

fn write_object(chunk: &mut String, id: usize, name: &str, data: &impl ToJSON) {
    write_event(chunk, id, name, &data.to_json_string());
}

/// JSON in one line needs no more than one `data`.
fn write_event(chunk: &mut String, id: usize, name: &str, json: &str) {
    // To write to a text cannot fail.
    let _ = write!(chunk, "id: {id}\nevent: {name}\ndata: {json}\n\n");
}

impl IntoResponse for EventStream {
    fn into_response(self) -> Response {
        event_stream::answer(self.stream.turn_id(), self.stream.is_replayed(), self.keep_alive, self)
    }
}

impl ApiResponse for EventStream {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "Server-sent events, each with an `id`: `start` (0), then any number of `delta` and `notice`, \
                              then one `done`, whose data is the answer of `/chat`, or one `error`, whose data is a problem. \
                              A comment comes after 15 seconds of silence.",
                status: Some(200),
                status_range: None,
                // Before OpenAPI 3.2 the schema of a stream of events is that of each one.
                content: vec![MetaMediaType { content_type: CONTENT_TYPE, schema: StreamEvent::schema_ref() }],
                headers: event_stream::headers(),
            }],
        }
    }

    fn register(registry: &mut Registry) {
        StreamEvent::register(registry);
        StreamStart::register(registry);
        StreamText::register(registry);
        ChatAnswer::register(registry);
        Shape::Details.register(registry);
    }
}
