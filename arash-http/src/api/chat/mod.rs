//! Messages and their answers.

mod answer;
mod attachment;
mod event_stream;
mod request;
mod streams;

use std::sync::Arc;

use arash_core::settings::HttpSettings;
use arash_core::turn::TurnRequest;
use arash_core::{Engine, Error, fail_point};
use poem::http::HeaderMap;
use poem::web::Data;
use poem_openapi::OpenApi;

use self::answer::ChatAnswered;
use self::request::ChatMessage;
pub(super) use self::streams::ChatStreams;
use super::Group;
use super::platform::require_private;
use crate::auth::Caller;
use crate::body::Body;
use crate::idempotency::{self, GivenKey};
use crate::refusal::{Refusal, statuses};

statuses! {
    /// Everything that may keep a message from being answered.
    ChatRefused = [400, 401, 403, 409, 413, 415, 422, 429, 500, 502, 503, 504];
}

/// Messages and their answers.
#[derive(Debug)]
pub(super) struct Chat {
    engine: Engine,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Group::Chat")]
impl Chat {
    /// Send a message
    ///
    /// Answers whole. A text that is a command (`/help`) runs the command.
    #[oai(
        path = "/chat",
        method = "post",
        operation_id = "chat",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<GivenKey>",
            description = "1 to 255 printable ASCII characters. A request that is repeated with the same key is answered once; its result is given again for 24 hours."
        )
    )]
    async fn chat(
        &self,
        caller: Caller,
        headers: &HeaderMap,
        settings: Data<&HttpSettings>,
        message: Body<ChatMessage>,
    ) -> Result<ChatAnswered, Refusal<ChatRefused>> {
        let request = turn_request(&self.engine, &caller, headers, &settings, message)?;
        fail_point("before answer");
        let reply = self.engine.process(request).await?;
        fail_point("after answer");
        Ok(reply.into())
    }
}

impl Chat {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

/// The request of `caller`, ready for the engine.
fn turn_request(
    engine: &Engine,
    caller: &Caller,
    headers: &HeaderMap,
    settings: &HttpSettings,
    message: Body<ChatMessage>,
) -> Result<TurnRequest, Error> {
    let message = message.0.into_message(settings.image_limit())?;
    require_private(engine, &message.platform)?;
    let request = TurnRequest::new(message).principal(Arc::clone(&caller.0));
    Ok(match idempotency::key(headers, &caller.0, "chat")? {
        Some(key) => request.idempotency_key(key),
        None => request,
    })
}
