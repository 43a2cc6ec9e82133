use arash_core::FieldError;
use poem_openapi::Object;

use super::Problem;
use crate::request_id::RequestId;

/// Why a request was not done.
#[derive(Debug, Object)]
#[oai(rename = "Problem")]
pub(crate) struct ProblemDetails {
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

impl ProblemDetails {
    pub(super) fn of(problem: &Problem, request_id: &RequestId) -> Self {
        let fault =
            |fault: &FieldError| FieldFault { field: fault.field.to_string(), message: fault.message.to_string() };
        let faults: Vec<_> = problem.faults().iter().map(fault).collect();
        Self {
            r#type: format!("urn:arash:error:{}", problem.code),
            title: title(problem.code).to_owned(),
            status: problem.status.as_u16(),
            detail: problem.shown_detail(),
            success: false,
            error: problem.code.to_owned(),
            request_id: request_id.to_string(),
            errors: Some(faults).filter(|faults| !faults.is_empty()),
        }
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
