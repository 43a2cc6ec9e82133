use std::fmt;

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

    /// The names of the fields at fault.
    pub(crate) fn fields(&self) -> Vec<String> {
        let errors = self.at("/errors");
        errors.as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap().to_owned()).collect()
    }
}

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
