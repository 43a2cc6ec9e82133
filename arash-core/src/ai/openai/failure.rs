use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::ai::upstream::{is_misconfiguration, is_overload, read, refusal};
use crate::ai::{AiError, AiErrorKind};

/// Longest body of a failure that is looked at, in bytes.
const MAX_FAILURE_BYTES: usize = 64 * 1024;
/// Longest code that is taken into a source.
const MAX_CODE_BYTES: usize = 64;

/// What an answer with another status than success means.
pub(super) async fn of_response(response: Response) -> AiError {
    let (by_status, status) = (refusal(&response), response.status());
    let is_of_request = matches!(
        status,
        StatusCode::BAD_REQUEST
            | StatusCode::NOT_FOUND
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNPROCESSABLE_ENTITY
    );
    if !is_of_request {
        return by_status;
    }
    let body = read(response, MAX_FAILURE_BYTES).await.unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let error = body.get("error").filter(|error| !error.is_null()).unwrap_or(&body);
    let kind = kind_of_request(error).unwrap_or(by_status.kind());
    AiError::new(kind).with_source(format!("HTTP status {}{}", status.as_u16(), codes(error)))
}

/// What an error object within an answer that began with success means.
pub(super) fn of_object(error: &Value) -> AiError {
    let kind = kind_of_request(error).or_else(|| kind_of_service(error)).unwrap_or(AiErrorKind::Failed);
    AiError::new(kind).with_source(format!("an error within the answer{}", codes(error)))
}

fn text<'a>(error: &'a Value, field: &str) -> &'a str {
    error.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// What is at fault with the request, if anything is known to be.
fn kind_of_request(error: &Value) -> Option<AiErrorKind> {
    let (code, kind) = (text(error, "code"), text(error, "type"));
    // Compatible services have no code for it; each says it in its own way.
    let message = text(error, "message").to_ascii_lowercase();
    let is_length = code == "context_length_exceeded"
        || kind == "exceed_context_size_error"
        || ["context length", "context window", "context size"].iter().any(|words| message.contains(words));
    if is_length {
        return Some(AiErrorKind::ContextLength);
    }
    (code == "model_not_found").then_some(AiErrorKind::UnknownModel)
}

/// What is at fault with the service, by its code, which may be an HTTP status.
fn kind_of_service(error: &Value) -> Option<AiErrorKind> {
    let code = error.get("code");
    let status = code.and_then(|code| code.as_u64().or_else(|| code.as_str()?.parse().ok()));
    let status = status.and_then(|status| u16::try_from(status).ok());
    if status.is_some_and(is_misconfiguration) {
        return Some(AiErrorKind::Misconfigured);
    }
    if status.is_some_and(is_overload) {
        return Some(AiErrorKind::Overloaded);
    }
    match (status, text(error, "code"), text(error, "type")) {
        (_, "invalid_api_key", _) | (.., "authentication_error") => Some(AiErrorKind::Misconfigured),
        (Some(429), ..) | (_, "rate_limit_exceeded" | "insufficient_quota", _) | (.., "rate_limit_error") => {
            Some(AiErrorKind::RateLimited)
        }
        (.., "overloaded_error") => Some(AiErrorKind::Overloaded),
        (Some(400..=499), ..) | (.., "invalid_request_error") => Some(AiErrorKind::Refused),
        _ => None,
    }
}

/// The codes of an error, for logs. Its message may quote the key or the conversation.
fn codes(error: &Value) -> String {
    let is_code = |text: &&str| {
        !text.is_empty()
            && text.len() <= MAX_CODE_BYTES
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    let mut codes = String::new();
    for code in ["type", "code"].into_iter().map(|field| text(error, field)).filter(is_code) {
        codes.push_str(", ");
        codes.push_str(code);
    }
    codes
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use serde_json::json;

    use super::*;

    #[test]
    fn codes_tell_what_is_at_fault() {
        use AiErrorKind::{ContextLength, Failed, Misconfigured, Overloaded, RateLimited, Refused, UnknownModel};
        for (error, kind) in [
            (json!({"code": "context_length_exceeded"}), ContextLength),
            (json!({"code": 400, "message": "This model's maximum context length is 8192 tokens."}), ContextLength),
            (json!({"type": "exceed_context_size_error"}), ContextLength),
            (json!({"code": "model_not_found"}), UnknownModel),
            (json!({"code": 429}), RateLimited),
            (json!({"code": "429"}), RateLimited),
            (json!({"type": "overloaded_error"}), Overloaded),
            (json!({"code": 503}), Overloaded),
            (json!({"code": "529"}), Overloaded),
            (json!({"code": 402}), Misconfigured),
            (json!({"code": 65_536 + 402}), Failed),
            (json!({"code": "invalid_api_key"}), Misconfigured),
            (json!({"code": 400, "message": 5}), Refused),
            (json!({"message": "canary"}), Failed),
            (json!("canary"), Failed),
        ] {
            assert_eq!(of_object(&error).kind(), kind, "{error}");
        }
    }

    #[test]
    fn only_codes_get_into_the_source() {
        let error = json!({"type": "server_error", "code": "canary 1", "message": "canary"});
        let source = of_object(&error).source().unwrap().to_string();
        assert_eq!(source, "an error within the answer, server_error");
    }
}
