//! What clients of OpenAI ask for: completions and models, under `/v1`.

mod answer;
mod chunk;
mod completion;
mod events;
mod images;
mod models;
mod request;

use std::sync::Arc;

use arash_core::ai::WireRequest;
use arash_core::settings::HttpSettings;
use arash_core::turn::CompletionRequest;
use arash_core::{Engine, Error};
use poem::Request;
use poem::http::HeaderMap;
use poem::web::Data;
use poem_openapi::OpenApi;

use self::answer::CompletionAnswer;
pub(super) use self::models::OpenAiModels;
use self::request::CompletionBody;
use super::Group;
use super::platform::{DEFAULT_PLATFORM, require_private};
use crate::auth::Caller;
use crate::body::Body;
use crate::idempotency::{self, GivenKey};
use crate::refusal::{Refusal, statuses};
use crate::request_id::RequestId;

statuses! {
    /// Everything that may keep a completion from being made.
    CompletionRefused in OpenAi = [400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 502, 503, 504];
}

/// Completions of conversations that clients keep themselves.
#[derive(Debug)]
pub(super) struct Completions {
    engine: Engine,
}

#[OpenApi(prefix_path = "/v1", tag = "Group::OpenAi")]
impl Completions {
    /// Complete a conversation
    ///
    /// As OpenAI's operation of this name, whole or streamed: there is no session, the client sends all of the
    /// conversation. Fields that are not known here reach an OpenAI-compatible upstream as they were sent, and its
    /// answer comes back as it is. Limits and quotas are those of messages; `user`, else the key, is who is limited.
    /// Whoever goes away changes nothing: the answer is made and counted.
    #[oai(
        path = "/chat/completions",
        method = "post",
        operation_id = "create_chat_completion",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<GivenKey>",
            description = "1 to 255 printable ASCII characters. A request that is repeated with the same key is answered once; its result is given again for 24 hours."
        )
    )]
    async fn create(
        &self,
        caller: Caller,
        headers: &HeaderMap,
        http: &Request,
        settings: Data<&HttpSettings>,
        body: Body<CompletionBody>,
    ) -> Result<CompletionAnswer, Refusal<CompletionRefused>> {
        require_private(&self.engine, DEFAULT_PLATFORM)?;
        let request = of_caller(body.0.0, &caller, headers)?;
        let model = request.model().to_owned();
        if !request.wire().is_some_and(WireRequest::is_streamed) {
            let completion = self.engine.complete(request).await?;
            return Ok(CompletionAnswer::whole(&completion, model));
        }
        let has_usage = request.wire().is_some_and(WireRequest::wants_usage);
        let stream = self.engine.stream_completion(request).await?;
        let request_id = RequestId::carried_by(http);
        Ok(CompletionAnswer::streamed(stream, model, has_usage, request_id, settings.keep_alive).await?)
    }
}

impl Completions {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

/// The request as `caller` sends it.
fn of_caller(request: CompletionRequest, caller: &Caller, headers: &HeaderMap) -> Result<CompletionRequest, Error> {
    let request = request.principal(Arc::clone(&caller.0));
    Ok(match idempotency::key(headers, &caller.0, "chat/completions")? {
        Some(key) => request.idempotency_key(key),
        None => request,
    })
}
