//! The parameters of a call, however they came: as a query, a form, JSON or multipart.

use std::collections::BTreeMap;

use poem::http::header::CONTENT_TYPE;
use poem::web::Multipart;
use poem::{FromRequest, Request, RequestBody};
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::refusal::Refusal;

/// The largest body that is taken in: a file of 50 MB, and what stands around it.
const MAX_BODY_BYTES: usize = 51 * 1024 * 1024;

/// A file that came with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Upload {
    pub(crate) name: String,
    pub(crate) mime: Option<String>,
    pub(crate) bytes: Vec<u8>,
}

/// The parameters of a call by name, and its files.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    pub(crate) values: Map<String, Value>,
    pub(crate) uploads: BTreeMap<String, Upload>,
}

impl Parameters {
    /// Reads those of a request.
    pub(crate) async fn read(request: &Request, body: &mut RequestBody) -> Result<Self, Refusal> {
        let mut parameters = Self::default();
        parameters.add_form(request.uri().query().unwrap_or_default().as_bytes());
        let content_type =
            request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if kind == "multipart/form-data" {
            parameters.add_multipart(request, body).await?;
            return Ok(parameters);
        }
        let body = body.take().map_err(|_| unreadable())?;
        let body = body.into_bytes_limit(MAX_BODY_BYTES).await.map_err(|_| too_large())?;
        if kind == "application/json" && !body.is_empty() {
            let Ok(Value::Object(values)) = serde_json::from_slice(&body) else {
                return Err(Refusal::bad_request("can't parse JSON body: an Object is expected"));
            };
            parameters.values.extend(values);
        } else {
            parameters.add_form(&body);
        }
        Ok(parameters)
    }

    fn add_form(&mut self, form: &[u8]) {
        for (name, value) in form_urlencoded::parse(form) {
            self.values.insert(name.into_owned(), Value::String(value.into_owned()));
        }
    }

    async fn add_multipart(&mut self, request: &Request, body: &mut RequestBody) -> Result<(), Refusal> {
        let mut parts = Multipart::from_request(request, body).await.map_err(|_| unreadable())?;
        let mut total = 0;
        while let Some(part) = parts.next_field().await.map_err(|_| unreadable())? {
            let Some(name) = part.name().map(str::to_owned) else { continue };
            let (file, mime) = (part.file_name().map(str::to_owned), part.content_type().map(str::to_owned));
            let bytes = part.bytes().await.map_err(|_| unreadable())?;
            total += bytes.len();
            if total > MAX_BODY_BYTES {
                return Err(too_large());
            }
            if let Some(file) = file {
                self.uploads.insert(name, Upload { name: file, mime, bytes });
            } else {
                let text =
                    String::from_utf8(bytes).map_err(|_| Refusal::bad_request("strings must be encoded in UTF-8"))?;
                self.values.insert(name, Value::String(text));
            }
        }
        Ok(())
    }

    /// A value as text; none if it is missing, null or empty.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let text = match self.values.get(name)? {
            Value::String(text) => text.clone(),
            Value::Null => return None,
            other => other.to_string(),
        };
        Some(text).filter(|text| !text.is_empty())
    }

    /// A whole number; what is none counts as missing, as it does with Telegram.
    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        self.text(name)?.trim().parse().ok()
    }

    /// Whether something is switched on.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "1"))
    }

    /// A value that is JSON: as it stands, or written in a text. `what` is how Telegram calls it.
    pub(crate) fn json(&self, name: &str, what: &str) -> Result<Option<Value>, Refusal> {
        match self.values.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => match serde_json::from_str(text) {
                Ok(value) => Ok(Some(value)),
                Err(_) => Err(Refusal::bad_request(format!("Can't parse {what} JSON object"))),
            },
            Some(value) => Ok(Some(value.clone())),
        }
    }
}

fn unreadable() -> Refusal {
    Refusal::bad_request("the body of the request can't be read")
}

fn too_large() -> Refusal {
    Refusal::new(413, "Request Entity Too Large")
}
