use std::fmt;

use regex::Regex;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) async fn read(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: response.text().await.unwrap() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|fault| panic!("{fault}: {}", self.text))
    }

    /// A value within the body: `/data/session_id`.
    pub(crate) fn at(&self, pointer: &str) -> Value {
        let json = self.json();
        json.pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in {json:#}")).clone()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The body of a stream of chunks as it came; what differs from run to run is replaced by its kind.
    pub(crate) fn chunks(&self) -> String {
        let ids = Regex::new("chatcmpl-[0-9a-f-]{36}").unwrap().replace_all(&self.text, "chatcmpl-[uuid]");
        Regex::new(r#""created":1[0-9]{9}"#).unwrap().replace_all(&ids, r#""created":[seconds]"#).into_owned()
    }

    /// The names of the fields at fault; under `/v1` the first one is told.
    pub(crate) fn fields(&self) -> Vec<String> {
        if self.is_openai_error() {
            return self.at("/error/param").as_str().map(str::to_owned).into_iter().collect();
        }
        let errors = self.at("/errors");
        errors.as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap().to_owned()).collect()
    }

    /// The stable name of what was wrong, in the words of problems.
    pub(crate) fn error(&self) -> String {
        if !self.is_openai_error() {
            return self.at("/error").as_str().unwrap().to_owned();
        }
        let code = self.at("/error/code");
        let code = match code.as_str().unwrap() {
            "invalid_api_key" => "unauthenticated",
            "model_not_found" => "not_found",
            "rate_limit_exceeded" => "rate_limited",
            "insufficient_quota" => "quota_exceeded",
            code => code,
        };
        code.to_owned()
    }

    /// What was wrong, in words.
    pub(crate) fn detail(&self) -> String {
        let detail = self.at(if self.is_openai_error() { "/error/message" } else { "/detail" });
        detail.as_str().unwrap().to_owned()
    }

    fn is_openai_error(&self) -> bool {
        self.json()["error"].is_object()
    }

    /// Fails unless a failure is told in the shape that belongs to `path`.
    pub(crate) fn check_shape(&self, path: &str) {
        if self.status < 400 || self.text.is_empty() {
            return;
        }
        let is_openai = path == "/v1" || path.starts_with("/v1/");
        let media_type = if is_openai { "application/json" } else { "application/problem+json" };
        assert_eq!(self.header("content-type"), Some(media_type), "{path}: {}", self.text);
        let json = self.json();
        let (object, names) = if is_openai { (&json["error"], OPENAI_ERROR) } else { (&json, PROBLEM) };
        let fields: Vec<_> = object.as_object().unwrap().keys().filter(|name| *name != "errors").collect();
        assert_eq!(fields, names, "{path}: {}", self.text);
    }
}

const OPENAI_ERROR: &[&str] = &["code", "message", "param", "type"];
const PROBLEM: &[&str] = &["detail", "error", "request_id", "status", "success", "title", "type"];

/// The status and the body; what differs from run to run is replaced by its kind.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut json = self.json();
        redact(&mut json);
        write!(f, "{}\n{json:#}", self.status)
    }
}

/// What differs from run to run is replaced by its kind.
pub(super) fn redact(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if name.starts_with("response_time") && field.is_number() {
                    *field = "[ms]".into();
                }
                if name == "created" && field.as_u64().is_some_and(|seconds| seconds > 1_700_000_000) {
                    *field = "[seconds]".into();
                }
                redact(field);
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(redact),
        Value::String(text) => {
            if let Some(kind) = kind_of(text) {
                *text = kind.to_owned();
            }
        }
        _ => {}
    }
}

fn kind_of(text: &str) -> Option<&'static str> {
    if text.strip_prefix("chatcmpl-").is_some_and(|id| kind_of(id) == Some("[uuid]")) {
        return Some("chatcmpl-[uuid]");
    }
    let is_uuid = text.len() == 36 && text.bytes().filter(|&byte| byte == b'-').count() == 4;
    let is_time = text.len() >= 20 && text.as_bytes()[10] == b'T' && text.ends_with('Z');
    if is_uuid {
        Some("[uuid]")
    } else if is_time {
        Some("[time]")
    } else if text.starts_with("sk_") {
        Some(if text.len() == 48 { "[key]" } else { "[key prefix]" })
    } else if text.starts_with("whsec_") {
        Some(if text.contains('…') { "[secret hint]" } else { "[secret]" })
    } else {
        None
    }
}
