use std::time::Duration;

use arash_core::{Error, ErrorKind};
use poem::http::StatusCode;
use poem_openapi::Object;

use super::Problem;

/// Whether a client should try again: OpenAI's clients try by themselves what is 408, 409, 429, or 500 and above, twice
/// within seconds, unless this header says `false`.
pub(super) const SHOULD_RETRY: &str = "x-should-retry";
/// The longest that these clients wait before they try again. What frees up later they would only ask for in vain.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Why a request was not done, as OpenAI says it.
#[derive(Debug, Object)]
pub(crate) struct OpenAiError {
    /// What went wrong.
    error: OpenAiFault,
}

/// What went wrong.
#[derive(Debug, Object)]
struct OpenAiFault {
    /// What happened and, where it helps, what is accepted.
    message: String,
    /// The kind of fault: `invalid_request_error`, `rate_limit_error`, `insufficient_quota` or `server_error`.
    r#type: String,
    /// The first field of the request that is at fault, if any is.
    #[oai(nullable)]
    param: Option<String>,
    /// The stable name of the fault: OpenAI's own where it has one (`invalid_api_key`, `model_not_found`,
    /// `rate_limit_exceeded`, `insufficient_quota`, `context_length_exceeded`), else the `error` of a problem;
    /// `ai_service_refused` where the model does not take the request as it is.
    code: String,
}

impl OpenAiError {
    pub(super) fn of(problem: &Problem) -> Self {
        Self {
            error: OpenAiFault {
                message: problem.shown_detail(),
                r#type: kind(problem).to_owned(),
                param: param(problem),
                code: code(problem).to_owned(),
            },
        }
    }
}

/// Whether the model does not take the request as it is, of which the client writes every field.
pub(super) fn is_refused(problem: &Problem) -> bool {
    let kind = problem.cause.as_ref().map(Error::kind);
    matches!(kind, Some(ErrorKind::AiRefused | ErrorKind::ContextLength))
}

fn kind(problem: &Problem) -> &'static str {
    match problem.code {
        _ if is_refused(problem) => "invalid_request_error",
        "rate_limited" => "rate_limit_error",
        "quota_exceeded" => "insufficient_quota",
        _ if problem.status.is_server_error() => "server_error",
        _ => "invalid_request_error",
    }
}

/// Models are all that the engine may not find here; what is no path has no cause.
fn is_about_model(problem: &Problem) -> bool {
    problem.code == "not_found" && problem.cause.is_some()
}

fn code(problem: &Problem) -> &'static str {
    match problem.code {
        _ if is_refused(problem) => problem.cause.as_ref().map_or(problem.code, |cause| cause.kind().code()),
        "unauthenticated" => "invalid_api_key",
        "not_found" if is_about_model(problem) => "model_not_found",
        "rate_limited" => "rate_limit_exceeded",
        "quota_exceeded" => "insufficient_quota",
        code => code,
    }
}

fn param(problem: &Problem) -> Option<String> {
    if is_about_model(problem) {
        return Some("model".to_owned());
    }
    // `body` is how the whole of it is called, which is no field.
    problem.faults().first().map(|fault| fault.field.to_string()).filter(|field| field != "body")
}

/// Whether to try again soon is in vain: the result of an earlier request stays what it was, and a quota that is used up
/// may be so for days.
pub(super) fn is_final(problem: &Problem) -> bool {
    let Some(cause) = &problem.cause else { return false };
    let is_limited = problem.status == StatusCode::TOO_MANY_REQUESTS;
    cause.is_replayed() || cause.retry_after().map_or(is_limited, |wait| wait > LONGEST_WAIT)
}
