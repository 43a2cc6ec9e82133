use arash_core::settings::HttpSettings;
use arash_core::{Engine, Error, ErrorKind, id::TurnId};
use poem::Request;
use poem::http::HeaderMap;
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use uuid::Uuid;

use super::event_stream::EventStream;
use super::request::ChatMessage;
use super::{ChatRefused, Group, turn_request};
use crate::auth::Caller;
use crate::body::Body;
use crate::idempotency::GivenKey;
use crate::refusal::{Refusal, statuses};
use crate::request_id::RequestId;

const LAST_EVENT_ID: &str = "Last-Event-ID";

statuses! {
    /// A stream that somebody wants to follow.
    ResumptionRefused = [401, 403, 404, 422, 500, 503];
    /// An answer that somebody wants to stop.
    StopRefused = [401, 403, 404, 500, 503];
}

/// That an answer was stopped.
#[derive(Debug, Object)]
struct StoppedTurn {
    /// Always true.
    success: bool,
    /// The turn's id.
    turn_id: Uuid,
}

/// An answer was stopped.
#[derive(Debug, ApiResponse)]
enum TurnStopped {
    /// The answer is stopped. Whoever reads it gets its end when it is recorded.
    #[oai(status = 202)]
    Accepted(Json<StoppedTurn>),
}

/// Answers as they are written.
#[derive(Debug)]
pub(crate) struct ChatStreams {
    engine: Engine,
}

#[expect(clippy::unused_async, reason = "the macro asks for async functions")]
#[OpenApi(prefix_path = "/api/v1", tag = "Group::Chat")]
impl ChatStreams {
    /// Send a message and read the answer as it is written
    ///
    /// What is refused is a problem with its status; what goes wrong later is an `error` event. Whoever goes away
    /// changes nothing: the answer is made, counted, and can be read on by its turn.
    #[oai(
        path = "/chat/stream",
        method = "post",
        operation_id = "chat_stream",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<GivenKey>",
            description = "1 to 255 characters, the same as of `/chat`. A repeated request gets the first one's answer in one `delta`; 409 while that one runs."
        )
    )]
    async fn stream(
        &self,
        caller: Caller,
        headers: &HeaderMap,
        http: &Request,
        settings: Data<&HttpSettings>,
        message: Body<ChatMessage>,
    ) -> Result<EventStream, Refusal<ChatRefused>> {
        let request = turn_request(&self.engine, &caller, headers, &settings, message)?;
        let stream = self.engine.stream(request).await?;
        Ok(EventStream::new(stream, RequestId::carried_by(http), settings.keep_alive))
    }

    /// Read an answer on
    ///
    /// Gives what comes after the event that `Last-Event-ID` names, or all from `start` on, also on another connection
    /// and for any number of readers; nothing after the last event. An answer is found on the node that makes it, while
    /// it is made and, if it was streamed, for five minutes after its end.
    #[oai(
        path = "/chat/stream/:turn_id",
        method = "get",
        operation_id = "resume_chat_stream",
        request_header(
            name = "Last-Event-ID",
            ty = "Option<u32>",
            description = "The `id` of the last event that was read."
        )
    )]
    async fn resume(
        &self,
        caller: Caller,
        headers: &HeaderMap,
        http: &Request,
        settings: Data<&HttpSettings>,
        /// The turn's id, from `start` or `X-Turn-Id`.
        turn_id: Path<Uuid>,
    ) -> Result<EventStream, Refusal<ResumptionRefused>> {
        let (turn_id, last) = (TurnId::from_uuid(*turn_id), last_event_id(headers)?);
        // `start` has the id 0, so the events of the engine are one ahead of their positions.
        let after = last.and_then(|id| id.checked_sub(1));
        let stream = self.engine.resume(turn_id, &caller.0, after).map_err(|error| match error.kind() {
            ErrorKind::InvalidInput => unknown_event(),
            _ => error,
        })?;
        let request_id = RequestId::carried_by(http);
        Ok(match last {
            Some(_) => EventStream::resumed(stream, request_id, settings.keep_alive),
            None => EventStream::new(stream, request_id, settings.keep_alive),
        })
    }

    /// Stop an answer
    ///
    /// It ends with what has come so far, which is kept and counted; its `data.stopped` is true. 404 when it does not
    /// run: it waits for its session, has come to its end, or was stopped before.
    #[oai(path = "/chat/turn/:turn_id", method = "delete", operation_id = "stop_turn")]
    async fn stop(
        &self,
        caller: Caller,
        /// The turn's id.
        turn_id: Path<Uuid>,
    ) -> Result<TurnStopped, Refusal<StopRefused>> {
        self.engine.stop(TurnId::from_uuid(*turn_id), &caller.0)?;
        Ok(TurnStopped::Accepted(Json(StoppedTurn { success: true, turn_id: *turn_id })))
    }
}

impl ChatStreams {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<usize>, Error> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let digits = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|text| text.parse().ok()).map(Some).ok_or_else(unknown_event)
}

fn unknown_event() -> Error {
    Error::invalid(LAST_EVENT_ID, "must be the id of an event that this stream has had")
}
