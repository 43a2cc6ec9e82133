//! Which problems an operation may answer with, told once: as its error type.

use std::marker::PhantomData;

use arash_core::Error;
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;

use crate::problem::{CONTENT_TYPE, Problem, ProblemBody};

/// The statuses of an operation's problems, for the OpenAPI document.
pub(crate) trait Statuses: Send + Sync + 'static {
    /// In ascending order.
    const LIST: &'static [u16];
}

/// Names a set of statuses.
macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = [$($status:literal),* $(,)?];)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name;

        impl $crate::refusal::Statuses for $name {
            const LIST: &'static [u16] = &[$($status),*];
        }
    )*};
}
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
        MetaResponses { responses: S::LIST.iter().map(|&status| response(status)).collect() }
    }

    fn register(registry: &mut Registry) {
        ProblemBody::register(registry);
    }
}

fn response(status: u16) -> MetaResponse {
    MetaResponse {
        description: description(status),
        status: Some(status),
        status_range: None,
        content: vec![MetaMediaType { content_type: CONTENT_TYPE, schema: ProblemBody::schema_ref() }],
        headers: headers(status),
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

fn headers(status: u16) -> Vec<MetaHeader> {
    let retry_after = || header::<u64>("Retry-After", "After how many seconds to try again, where it is known.");
    match status {
        401 => vec![header::<String>("WWW-Authenticate", "Always `Bearer`.")],
        409 | 502 | 503 => vec![retry_after()],
        429 => vec![
            retry_after(),
            header::<String>("RateLimit-Policy", "The limit that refused: `\"per-minute\";q=60;w=60`."),
            header::<String>("RateLimit", "Its state: `\"per-minute\";r=0;t=12`."),
        ],
        _ => Vec::new(),
    }
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
