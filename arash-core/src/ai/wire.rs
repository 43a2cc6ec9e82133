use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::platform::ModelId;

/// A client's own request for chat completions, as its protocol has it: a JSON object.
///
/// Its fields keep their order and their exact text, so that what nobody here knows reaches a provider that speaks the
/// protocol unchanged. The provider sets `model`, `stream` and `stream_options`, nothing else.
///
/// ```
/// use arash_core::ai::WireRequest;
///
/// # fn main() -> arash_core::Result<()> {
/// let request = WireRequest::parse(r#"{"model": "m", "temperature": 0.70, "new_field": {"z": 1, "a": 2}}"#)?;
/// assert_eq!(request.get("temperature"), Some("0.70"));
/// assert!(!request.is_streamed());
/// let sent = request.to_body(&"upstream-m".into(), false);
/// assert_eq!(sent, r#"{"model":"upstream-m","temperature":0.70,"new_field":{"z": 1, "a": 2},"stream":false}"#);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct WireRequest {
    fields: Vec<(String, Box<RawValue>)>,
    is_streamed: bool,
}

impl WireRequest {
    /// The request in this JSON text.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when it is not a JSON object, has a field twice, or a `stream`
    /// that is neither a boolean nor `null`.
    pub fn parse(json: &str) -> Result<Self> {
        let fault = |message: String| Error::invalid("body", message);
        let Fields(fields) = serde_json::from_str(json).map_err(|error| {
            // The error's own text may quote the request; its place does not.
            let place = format!("line {}, column {}", error.line(), error.column());
            fault(format!("must be a JSON object whose fields have different names; the fault is at {place}"))
        })?;
        let stream = fields.iter().find(|(name, _)| name == "stream").map(|(_, value)| value.get());
        let is_streamed = match stream {
            None | Some("false" | "null") => false,
            Some("true") => true,
            Some(_) => return Err(Error::invalid("stream", "must be true, false or null")),
        };
        Ok(Self { fields, is_streamed })
    }

    /// The JSON text of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.get())
    }

    /// Whether the client wants the answer as it is written.
    pub fn is_streamed(&self) -> bool {
        self.is_streamed
    }

    /// Whether the client wants to be told the tokens at the end of a stream. The provider always asks for them.
    pub fn wants_usage(&self) -> bool {
        self.stream_options().get("include_usage").and_then(Value::as_bool).unwrap_or(false)
    }

    /// The JSON text that goes upstream: all fields as they are, but for this model, streamed or whole.
    pub fn to_body(&self, model: &ModelId, is_streamed: bool) -> String {
        let mut set = BTreeMap::from([("model", json!(model)), ("stream", json!(is_streamed))]);
        if is_streamed {
            let mut options = self.stream_options();
            options.insert("include_usage".to_owned(), Value::Bool(true));
            set.insert("stream_options", Value::Object(options));
        }
        let mut body = String::from("{");
        for (name, value) in &self.fields {
            match set.remove(name.as_str()) {
                Some(value) => push_field(&mut body, name, &value.to_string()),
                // Without a stream, options for one are refused by some services.
                None if name == "stream_options" => {}
                None => push_field(&mut body, name, value.get()),
            }
        }
        for (name, value) in &set {
            push_field(&mut body, name, &value.to_string());
        }
        body.push('}');
        body
    }

    fn stream_options(&self) -> Map<String, Value> {
        self.get("stream_options").and_then(|options| serde_json::from_str(options).ok()).unwrap_or_default()
    }
}

fn push_field(body: &mut String, name: &str, value: &str) {
    if body.len() > 1 {
        body.push(',');
    }
    body.push_str(&Value::from(name).to_string());
    body.push(':');
    body.push_str(value);
}

impl fmt::Debug for WireRequest {
    /// What people say stays out of logs: only the fields' names are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.fields.iter().map(|(name, _)| name)).finish()
    }
}

/// The fields of a JSON object in their order, each with its own name.
struct Fields(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Fields, A::Error> {
        let (mut fields, mut names) = (Vec::new(), std::collections::HashSet::new());
        while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
            // Two programs may disagree on which of the two counts.
            if !names.insert(name.clone()) {
                return Err(de::Error::custom("a field is there twice"));
            }
            fields.push((name, value));
        }
        Ok(Fields(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_fields_are_set_and_the_rest_keeps_its_bytes() {
        let text = r#"{"stream_options":{"include_usage":false,"x":[1]},"model":"a", "b\"\u00e9" : 1e400,"stream":true,"seed":18446744073709551616}"#;
        let request = WireRequest::parse(text).unwrap();
        assert!(request.is_streamed() && !request.wants_usage());
        let streamed = concat!(
            r#"{"stream_options":{"include_usage":true,"x":[1]},"model":"m/\"1\"","b\"é":1e400,"#,
            r#""stream":true,"seed":18446744073709551616}"#
        );
        assert_eq!(request.to_body(&r#"m/"1""#.into(), true), streamed);
        let whole = r#"{"model":"m","b\"é":1e400,"stream":false,"seed":18446744073709551616}"#;
        assert_eq!(request.to_body(&"m".into(), false), whole);
        assert_eq!(WireRequest::parse("{}").unwrap().to_body(&"m".into(), false), r#"{"model":"m","stream":false}"#);
    }

    #[test]
    fn what_is_no_request_is_refused_without_being_quoted() {
        for text in ["", "canary", "[]", "null", "{\"canary\": }", r#"{"canary":1,"canary":2}"#, "{} canary"] {
            let error = WireRequest::parse(text).unwrap_err();
            assert!(!error.to_string().contains("canary"), "{error}");
        }
        assert_eq!(WireRequest::parse(r#"{"stream":"yes"}"#).unwrap_err().fields()[0].field, "stream");
        assert!(!WireRequest::parse(r#"{"stream":null}"#).unwrap().is_streamed());
    }

    #[test]
    fn options_of_another_shape_do_no_harm() {
        let request = WireRequest::parse(r#"{"stream":true,"stream_options":7}"#).unwrap();
        assert!(!request.wants_usage());
        assert!(request.to_body(&"m".into(), true).contains(r#""stream_options":{"include_usage":true}"#));
        assert!(WireRequest::parse(r#"{"stream_options":{"include_usage":true}}"#).unwrap().wants_usage());
    }

    #[test]
    fn debug_shows_nothing_that_was_said() {
        let request = WireRequest::parse(r#"{"messages":[{"content":"canary"}]}"#).unwrap();
        assert_eq!(format!("{request:?}"), r#"{"messages"}"#);
    }
}
