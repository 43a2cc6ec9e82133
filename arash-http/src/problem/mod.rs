//! Every answer that is not a success, in one shape: RFC 9457 problem details.

use std::fmt;
use std::time::Duration;

use arash_core::{Error, ErrorKind, FieldError, LimitInfo};
use poem::error::{MethodNotAllowedError, NotFoundError, ReadBodyError, ResponseError};
use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::Object;
use poem_openapi::error::{AuthorizationError, ContentTypeError, ParseParamError, ParsePathError};
use poem_openapi::types::ToJSON;

use crate::request_id::RequestId;

/// The media type of a problem.
pub(crate) const CONTENT_TYPE: &str = "application/problem+json";

/// Why a request was not done.
#[derive(Debug, Object)]
#[oai(rename = "Problem")]
pub(crate) struct ProblemBody {
    /// Names the kind of problem: `urn:arash:error:` and the value of `error`.
    r#type: String,
    /// The kind of problem for people.
    title: String,
    /// The status of the answer.
    status: u16,
    /// What happened and, where it helps, what is accepted.
    detail: String,
    /// Always false.
    success: bool,
    /// The stable name of the kind of problem.
    error: String,
    /// The value of the header X-Request-Id.
    request_id: String,
    /// With `validation_failed`: every field at fault.
    #[oai(skip_serializing_if_is_none)]
    errors: Option<Vec<FieldFault>>,
}

/// A field of the request that is not acceptable.
#[derive(Debug, Object)]
struct FieldFault {
    /// The field's name, dotted for nested ones.
    field: String,
    /// What is wrong with it and what is accepted.
    message: String,
}

/// A problem before it is written: the engine's error, or one of HTTP itself.
#[derive(Debug)]
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

    /// Writes it as an answer, and logs it once if it is the service's fault.
    pub(crate) fn into_response_for(self, request_id: &RequestId) -> Response {
        let body = self.body_for(request_id);
        let mut response = poem::web::Json(body.to_json()).into_response();
        response.set_status(self.status);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        for (name, value) in self.headers() {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    /// What is written of it, in an answer or as the end of a stream; logs it once if it is the service's fault.
    pub(crate) fn body_for(&self, request_id: &RequestId) -> ProblemBody {
        if self.status.is_server_error() {
            let cause = self.cause.as_ref().map(tracing::field::debug);
            tracing::error!(request_id = request_id.as_str(), error = self.code, cause, "request failed");
        }
        ProblemBody {
            r#type: format!("urn:arash:error:{}", self.code),
            title: title(self.code).to_owned(),
            status: self.status.as_u16(),
            detail: self.shown_detail(),
            success: false,
            error: self.code.to_owned(),
            request_id: request_id.to_string(),
            errors: self.field_faults(),
        }
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

    fn field_faults(&self) -> Option<Vec<FieldFault>> {
        let fields = self.cause.as_ref().map(Error::fields).filter(|fields| !fields.is_empty())?;
        let fault =
            |fault: &FieldError| FieldFault { field: fault.field.to_string(), message: fault.message.to_string() };
        Some(fields.iter().map(fault).collect())
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
        ErrorKind::AiService => StatusCode::BAD_GATEWAY,
        ErrorKind::AiTimeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        // Internal, and kinds that are newer than this host.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn title(code: &str) -> &'static str {
    match code {
        "malformed_request" => "Malformed request",
        "unauthenticated" => "Not authenticated",
        "forbidden" => "Forbidden",
        "not_found" => "Not found",
        "method_not_allowed" => "Method not allowed",
        "payload_too_large" => "Payload too large",
        "unsupported_media_type" => "Unsupported media type",
        "already_exists" => "Already exists",
        "conflict" => "Conflict",
        "session_busy" => "Session busy",
        "idempotency_in_progress" => "Idempotent request in progress",
        "idempotency_mismatch" => "Idempotency key used for another request",
        "validation_failed" => "Validation failed",
        "rate_limited" => "Rate limited",
        "quota_exceeded" => "Quota exceeded",
        "ai_service_error" => "AI service error",
        "ai_service_timeout" => "AI service timeout",
        "unavailable" => "Service unavailable",
        _ => "Internal server error",
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self {
            status: status_of(error.kind()),
            code: error.kind().code(),
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
