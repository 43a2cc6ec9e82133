//! Which problems an operation may answer with, told once: as its error type.

use std::marker::PhantomData;

use arash_core::Error;
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;

use crate::problem::{Problem, Shape};

/// The statuses of an operation's problems, for the OpenAPI document.
pub(crate) trait Statuses: Send + Sync + 'static {
    /// In ascending order.
    const LIST: &'static [u16];
    /// How the problems are written.
    const SHAPE: Shape;
}

/// Names a set of statuses.
macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident $(in $shape:ident)? = [$($status:literal),* $(,)?];)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name;

        impl $crate::refusal::Statuses for $name {
            const LIST: &'static [u16] = &[$($status),*];
            const SHAPE: $crate::problem::Shape = $crate::refusal::shape!($($shape)?);
        }
    )*};
}
/// The shape of this name, or the usual one.
macro_rules! shape {
    () => {
        $crate::problem::Shape::Details
    };
    ($shape:ident) => {
        $crate::problem::Shape::$shape
    };
}
pub(crate) use shape;
pub(crate) use statuses;

/// Why an operation was refused; `S` says with which statuses it may be.
#[derive(Debug)]
pub(crate) struct Refusal<S> {
    problem: Problem,
    statuses: PhantomData<S>,
}

impl<S> From<Error> for Refusal<S> {
    fn from(error: Error) -> Self {
        Self { problem: error.into(), statuses: PhantomData }
    }
}

impl<S> From<Refusal<S>> for poem::Error {
    fn from(refusal: Refusal<S>) -> Self {
        refusal.problem.into()
    }
}

impl<S: Statuses> ApiResponse for Refusal<S> {
    fn meta() -> MetaResponses {
        MetaResponses { responses: S::LIST.iter().map(|&status| response(status, S::SHAPE)).collect() }
    }

    fn register(registry: &mut Registry) {
        S::SHAPE.register(registry);
    }
}

fn response(status: u16, shape: Shape) -> MetaResponse {
    MetaResponse {
        description: match shape {
            Shape::Details => description(status),
            Shape::OpenAi => openai_description(status),
        },
        status: Some(status),
        status_range: None,
        content: vec![MetaMediaType { content_type: shape.content_type(), schema: shape.schema_ref() }],
        headers: headers(status, shape),
    }
}

fn description(status: u16) -> &'static str {
    match status {
        400 => "`malformed_request`: the body is not JSON.",
        401 => "`unauthenticated`: no key, or one that is malformed, unknown, expired or revoked.",
        403 => "`forbidden`: the key is known but lacks the right.",
        404 => {
            "`not_found`: the thing does not exist; nor does one whose id in the path could be none, such as a text where ids are numbers."
        }
        409 => "`session_busy`, `conflict`, `idempotency_in_progress` or `already_exists`.",
        413 => "`payload_too_large`: the body is larger than accepted.",
        415 => "`unsupported_media_type`: the body is not declared as JSON in UTF-8, or is encoded, as by gzip.",
        422 => "`validation_failed`, with every field at fault, or `idempotency_mismatch`.",
        429 => "`rate_limited` or `quota_exceeded`.",
        502 => "`ai_service_error`: the AI service failed.",
        503 => "`unavailable`: storage cannot be reached, overload, or shutting down.",
        504 => "`ai_service_timeout`: the AI service did not answer in time.",
        _ => "`internal_server_error`: a defect of this service.",
    }
}

fn openai_description(status: u16) -> &'static str {
    match status {
        400 => "`malformed_request`, or `validation_failed`, where `param` is the first field at fault.",
        401 => "`invalid_api_key`: no key, or one that is malformed, unknown, expired or revoked.",
        404 => "`model_not_found`: there is no such model.",
        409 => "`idempotency_in_progress`: the same request is being answered.",
        422 => "`idempotency_mismatch`: the same `Idempotency-Key` came with another request before.",
        429 => {
            "`rate_limit_exceeded` or `insufficient_quota`. With `X-Should-Retry: false` it frees up in more than a minute, \
             or never: OpenAI's clients do not ask again."
        }
        status => description(status),
    }
}

fn headers(status: u16, shape: Shape) -> Vec<MetaHeader> {
    let retry_after = || header::<u64>("Retry-After", "After how many seconds to try again, where it is known.");
    let mut headers = match status {
        401 => vec![header::<String>("WWW-Authenticate", "Always `Bearer`.")],
        409 | 502 | 503 => vec![retry_after()],
        429 => vec![
            retry_after(),
            header::<String>("RateLimit-Policy", "The limit that refused: `\"per-minute\";q=60;w=60`."),
            header::<String>("RateLimit", "Its state: `\"per-minute\";r=0;t=12`."),
        ],
        _ => Vec::new(),
    };
    if shape == Shape::OpenAi && matches!(status, 429 | 500..) {
        let description = "`false` where OpenAI's clients, which try such requests again, would do so in vain.";
        headers.push(header::<String>("X-Should-Retry", description));
    }
    headers
}

fn header<T: Type>(name: &str, description: &str) -> MetaHeader {
    MetaHeader {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required: false,
        deprecated: false,
        schema: T::schema_ref(),
    }
}
