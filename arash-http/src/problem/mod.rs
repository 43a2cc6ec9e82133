//! Every answer that is not a success: RFC 9457 problem details, or what clients of OpenAI expect.

mod details;
mod openai;
mod shape;

use std::fmt;
use std::time::Duration;

use arash_core::{Error, ErrorKind, FieldError, LimitInfo};
use poem::error::{MethodNotAllowedError, NotFoundError, ReadBodyError, ResponseError};
use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::error::{AuthorizationError, ContentTypeError, ParseParamError, ParsePathError};

pub(crate) use details::ProblemDetails;
pub(crate) use openai::OpenAiError;
pub(crate) use shape::Shape;

use crate::request_id::RequestId;

/// A problem before it is written: the engine's error, or one of HTTP itself. As an answer it has no body: the
/// [edge](crate::edge) writes that, which knows the request.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    cause: Option<Error>,
}

impl Problem {
    fn http(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), cause: None }
    }

    /// The body is not JSON at all.
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::http(StatusCode::BAD_REQUEST, "malformed_request", detail)
    }

    /// The body is larger than `limit` bytes.
    pub(crate) fn too_large(limit: usize) -> Self {
        let detail = format!("the body is too large; at most {limit} bytes are accepted");
        Self::http(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", detail)
    }

    /// The body is not declared as JSON.
    pub(crate) fn unsupported_media_type() -> Self {
        Self::unreadable("the body must be JSON: Content-Type: application/json")
    }

    /// The body is declared as something that is not read here.
    pub(crate) fn unreadable(detail: impl Into<String>) -> Self {
        Self::http(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
    }

    /// The problem for an answer that only has a status, such as poem's own.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::BAD_REQUEST => Self::malformed("the request cannot be read"),
            StatusCode::NOT_FOUND => Self::http(status, "not_found", "there is nothing at this path"),
            StatusCode::METHOD_NOT_ALLOWED => {
                Self::http(status, "method_not_allowed", "this path does not have this method")
            }
            StatusCode::UNAUTHORIZED => unauthenticated().into(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::unsupported_media_type(),
            _ if status.is_client_error() => Self::http(status, "malformed_request", "the request cannot be answered"),
            _ => Error::internal("an answer had no problem").into(),
        }
    }

    /// The problem behind an error of poem or poem-openapi.
    pub(crate) fn of(error: poem::Error) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(problem) => return problem,
            Err(error) => error,
        };
        if let Some(fault) = error.downcast_ref::<ParseParamError>() {
            return Error::invalid(fault.name, parameter_message(&fault.reason)).into();
        }
        // A part of the path that cannot be an id: nothing has such a name. poem-openapi does not tell which part.
        if let Some(fault) = error.downcast_ref::<ParsePathError>() {
            let detail = format!("there is nothing at this path: an id in it {}", parameter_message(&fault.reason));
            return Self::http(StatusCode::NOT_FOUND, "not_found", detail);
        }
        if error.is::<AuthorizationError>() {
            return unauthenticated().into();
        }
        if error.is::<ContentTypeError>() {
            return Self::unsupported_media_type();
        }
        // Nor is there anything whose name is not UTF-8.
        if error.is::<poem::error::ParsePathError>() {
            return Self::of_status(StatusCode::NOT_FOUND);
        }
        if error.is::<NotFoundError>() || error.is::<MethodNotAllowedError>() || error.is::<ReadBodyError>() {
            return Self::of_status(error.status());
        }
        if error.status().is_server_error() {
            return Error::internal("a request failed in an unexpected way").with_source(error.to_string()).into();
        }
        Self::of_status(error.status())
    }

    /// Writes it into its answer, and logs it once if it is the service's fault.
    pub(crate) fn write_to(&self, answer: &mut Response, shape: Shape, request_id: &RequestId) {
        answer.set_status(shape.status(self));
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(shape.content_type()));
        for (name, value) in self.headers().into_iter().chain(shape.own_headers(self)) {
            if let Ok(value) = HeaderValue::from_str(&value) {
                answer.headers_mut().insert(name, value);
            }
        }
        answer.set_body(self.body_in(shape, request_id));
    }

    /// What is written of it, in an answer or as the end of a stream: JSON; logs it once if it is the service's fault.
    pub(crate) fn body_in(&self, shape: Shape, request_id: &RequestId) -> String {
        if shape.status(self).is_server_error() {
            let cause = self.cause.as_ref().map(tracing::field::debug);
            tracing::error!(request_id = request_id.as_str(), error = self.code, cause, "request failed");
        }
        shape.body(self, request_id)
    }

    /// What may be told: of a defect, nothing but that it is one.
    fn shown_detail(&self) -> String {
        if self.status == StatusCode::INTERNAL_SERVER_ERROR {
            return "An internal error occurred; it was logged with this request id.".to_owned();
        }
        let mut letters = self.detail.chars();
        let mut sentence: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
        sentence.push_str(letters.as_str());
        if !sentence.ends_with(['.', '!', '?', '>']) {
            sentence.push('.');
        }
        sentence
    }

    /// The fields of the request that are at fault.
    fn faults(&self) -> &[FieldError] {
        self.cause.as_ref().map_or(&[], Error::fields)
    }

    fn headers(&self) -> Vec<(HeaderName, String)> {
        let mut headers = Vec::new();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.push((header::WWW_AUTHENTICATE, "Bearer".to_owned()));
        }
        if self.cause.as_ref().is_some_and(Error::is_replayed) {
            headers.push((HeaderName::from_static("idempotency-replayed"), "true".to_owned()));
        }
        let limit = self.cause.as_ref().and_then(Error::limit);
        if let Some(delay) = self.cause.as_ref().and_then(Error::retry_after) {
            headers.push((header::RETRY_AFTER, whole_seconds(delay).to_string()));
        }
        if let Some(LimitInfo { policy, limit, window, remaining, resets_in }) = limit {
            let policy_header = HeaderName::from_static("ratelimit-policy");
            headers.push((policy_header, format!("\"{policy}\";q={limit};w={}", whole_seconds(*window))));
            let state = format!("\"{policy}\";r={remaining};t={}", whole_seconds(*resets_in));
            headers.push((HeaderName::from_static("ratelimit"), state));
        }
        headers
    }
}

fn unauthenticated() -> Error {
    Error::new(ErrorKind::Unauthenticated, "a valid API key is needed: Authorization: Bearer <key>")
}

/// Whole seconds, rounded up: who waits as long is never too early.
fn whole_seconds(delay: Duration) -> u64 {
    delay.as_secs() + u64::from(delay.subsec_nanos() > 0)
}

/// What is wrong with a parameter: poem-openapi names Rust's types and functions, which tell a client nothing.
fn parameter_message(reason: &str) -> String {
    if reason.contains("\"integer_") {
        return "must be a whole number".to_owned();
    }
    if reason.contains("\"string_uuid\"") {
        return "must be a UUID".to_owned();
    }
    if reason.contains("\"boolean\"") {
        return "must be true or false".to_owned();
    }
    let reason = reason.split(" (occurred while parsing").next().unwrap_or(reason);
    reason.split_once("\": ").map_or("is not acceptable", |(_, own)| own).to_owned()
}

fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::InvalidInput | ErrorKind::IdempotencyMismatch => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::AlreadyExists | ErrorKind::Conflict | ErrorKind::SessionBusy | ErrorKind::IdempotencyInProgress => {
            StatusCode::CONFLICT
        }
        ErrorKind::RateLimited | ErrorKind::QuotaExceeded => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::AiService | ErrorKind::AiRefused | ErrorKind::ContextLength => StatusCode::BAD_GATEWAY,
        ErrorKind::AiTimeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        // Internal, and kinds that are newer than this host.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The stable name of a kind of problem. Why the AI service has no answer only OpenAI's clients are told.
fn code_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::AiRefused | ErrorKind::ContextLength => ErrorKind::AiService.code(),
        kind => kind.code(),
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self {
            status: status_of(error.kind()),
            code: code_of(error.kind()),
            detail: error.to_string(),
            cause: Some(error),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        self.status
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut answer = Response::builder().status(self.status).finish();
        answer.set_data(self);
        answer
    }
}
