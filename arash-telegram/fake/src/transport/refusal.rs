//! What the server says when it does not do what it was asked for.

use serde_json::{Value, json};

/// A refusal, in Telegram's words.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// `error_code`, which is the HTTP status too.
    pub code: u16,
    /// `description`.
    pub description: String,
    /// `parameters`, as `{"retry_after": 3}`; null without any.
    pub parameters: Value,
}

/// What came of a call: its `result`, or a refusal.
pub type Outcome = Result<Value, Refusal>;

impl Refusal {
    /// A refusal with this code and description.
    pub fn new(code: u16, description: impl Into<String>) -> Self {
        Self { code, description: description.into(), parameters: Value::Null }
    }

    /// 400; the first letter becomes small, unless the words are a constant such as `TOPIC_CLOSED`.
    pub(crate) fn bad_request(what: impl AsRef<str>) -> Self {
        Self::new(400, format!("Bad Request: {}", lowered(what.as_ref())))
    }

    pub(crate) fn forbidden(what: &str) -> Self {
        Self::new(403, format!("Forbidden: {what}"))
    }

    pub(crate) fn conflict(what: &str) -> Self {
        Self::new(409, format!("Conflict: {what}"))
    }

    pub(crate) fn too_many_requests(retry_after: u64) -> Self {
        let description = format!("Too Many Requests: retry after {retry_after}");
        Self { code: 429, description, parameters: json!({ "retry_after": retry_after }) }
    }

    pub(crate) fn migrated(to: i64) -> Self {
        let refusal = Self::bad_request("group chat was upgraded to a supergroup chat");
        Self { parameters: json!({ "migrate_to_chat_id": to }), ..refusal }
    }

    /// How many seconds to wait, where Telegram says so.
    pub fn retry_after(&self) -> Option<u64> {
        self.parameters.get("retry_after").and_then(Value::as_u64)
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut body = json!({ "ok": false, "error_code": self.code, "description": self.description });
        if let (Value::Object(body), false) = (&mut body, self.parameters.is_null()) {
            body.insert("parameters".into(), self.parameters.clone());
        }
        body
    }
}

fn lowered(words: &str) -> String {
    let mut letters = words.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if second != '_' && !second.is_ascii_uppercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => words.to_owned(),
    }
}
