use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::platform::ModelId;

/// Most levels of arrays and objects within each other. Services read a request level by level, and some fail at many.
const MAX_LEVELS: usize = 128;

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
    stream_options: Vec<(String, Box<RawValue>)>,
    is_streamed: bool,
}

impl WireRequest {
    /// The request in this JSON text.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when it is not a JSON object, has a field twice, is nested more than
    /// 128 levels deep, or has a `stream` that is neither a boolean nor `null`, or `stream_options` that are neither an
    /// object nor `null`.
    pub fn parse(json: &str) -> Result<Self> {
        let Fields(fields) = parse_fields("body", json)?;
        if levels(json) > MAX_LEVELS {
            return Err(Error::invalid("body", format!("must have {MAX_LEVELS} levels of arrays and objects at most")));
        }
        let get = |wanted| fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.get());
        let is_streamed = match get("stream") {
            None | Some("false" | "null") => false,
            Some("true") => true,
            Some(_) => return Err(Error::invalid("stream", "must be true, false or null")),
        };
        let Fields(stream_options) = match get("stream_options") {
            None | Some("null") => Fields(Vec::new()),
            Some(options) => parse_fields("stream_options", options)?,
        };
        Ok(Self { fields, stream_options, is_streamed })
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
        self.stream_options.iter().any(|(name, value)| name == "include_usage" && value.get() == "true")
    }

    /// The JSON text that goes upstream: all fields as they are, but for this model, streamed or whole.
    pub fn to_body(&self, model: &ModelId, is_streamed: bool) -> String {
        let mut set = BTreeMap::from([("model", json!(model).to_string()), ("stream", is_streamed.to_string())]);
        if is_streamed {
            let counted = BTreeMap::from([("include_usage", "true".to_owned())]);
            set.insert("stream_options", object(self.stream_options.iter(), counted));
        }
        // Without a stream, options for one are refused by some services.
        object(self.fields.iter().filter(|(name, _)| is_streamed || name != "stream_options"), set)
    }
}

/// The JSON text of an object with these fields, but for those that are set: in their place if they are there, else last.
fn object<'a>(fields: impl Iterator<Item = &'a (String, Box<RawValue>)>, mut set: BTreeMap<&str, String>) -> String {
    let mut body = String::from("{");
    for (name, value) in fields {
        let set = set.remove(name.as_str());
        push_field(&mut body, name, set.as_deref().unwrap_or(value.get()));
    }
    for (name, value) in &set {
        push_field(&mut body, name, value);
    }
    body.push('}');
    body
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

/// The fields of the object that `json` is. `field` is what the error names.
fn parse_fields(field: &'static str, json: &str) -> Result<Fields> {
    serde_json::from_str(json).map_err(|error| {
        // The error's own text may quote the request; its place does not.
        let place = format!("line {}, column {}", error.line(), error.column());
        let message = match error.classify() {
            Category::Data if json.trim_start().starts_with('{') => {
                format!("must be a JSON object whose fields have different names; one is there again at {place}")
            }
            Category::Data => "must be a JSON object".to_owned(),
            _ => format!("must be a JSON object; it is no JSON at {place}"),
        };
        Error::invalid(field, message)
    })
}

/// How many arrays and objects are within each other at most.
fn levels(json: &str) -> usize {
    let (mut level, mut deepest, mut is_text) = (0_usize, 0, false);
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => is_text = !is_text,
            // What comes next is no end of the text.
            b'\\' => drop(bytes.next()),
            b'[' | b'{' if !is_text => {
                level += 1;
                deepest = deepest.max(level);
            }
            b']' | b'}' if !is_text => level = level.saturating_sub(1),
            _ => {}
        }
    }
    deepest
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
        let (mut fields, mut names) = (Vec::new(), HashSet::new());
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
    fn of_the_options_only_the_count_of_tokens_is_set() {
        let sent = |options: &str| {
            let request = WireRequest::parse(&format!(r#"{{"stream_options":{options}}}"#)).unwrap();
            let body = request.to_body(&"m".into(), true);
            let options = body.strip_prefix(r#"{"stream_options":"#).unwrap();
            (options.strip_suffix(r#","model":"m","stream":true}"#).unwrap().to_owned(), request.wants_usage())
        };
        let deep = format!("{}{}", "[".repeat(126), "]".repeat(126));
        for (options, expected, wants_usage) in [
            ("null".to_owned(), r#"{"include_usage":true}"#.to_owned(), false),
            (r#"{"include_usage":"yes"}"#.to_owned(), r#"{"include_usage":true}"#.to_owned(), false),
            (
                r#"{"z": 1E400, "include_usage":true ,"a":1.50}"#.to_owned(),
                r#"{"z":1E400,"include_usage":true,"a":1.50}"#.to_owned(),
                true,
            ),
            (format!(r#"{{"d":{deep}}}"#), format!(r#"{{"d":{deep},"include_usage":true}}"#), false),
        ] {
            assert_eq!(sent(&options), (expected, wants_usage), "{options}");
        }
        for options in ["7", "[]", r#""canary""#, r#"{"a":1,"a":2}"#] {
            let refused = WireRequest::parse(&format!(r#"{{"stream_options":{options}}}"#)).unwrap_err();
            assert_eq!(refused.fields()[0].field, "stream_options", "{options}");
        }
    }

    #[test]
    fn faults_are_told_by_what_they_are() {
        for (text, said) in [
            (r#"{"a":1,"a":2}"#, "different names; one is there again at line 1, column 13"),
            ("[]", "must be a JSON object"),
            (r#"{"a":NaN}"#, "it is no JSON at line 1, column 6"),
            ("\u{feff}{}", "it is no JSON at line 1, column 1"),
            ("{} x", "it is no JSON at line 1, column 4"),
            ("", "it is no JSON at line 1, column 0"),
        ] {
            let error = WireRequest::parse(text).unwrap_err();
            assert!(error.to_string().ends_with(said), "{text}: {error}");
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        let nested = |levels: usize| {
            let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
            WireRequest::parse(&format!(r#"{{"text":"\"[[{{","d":{open}{close}}}"#))
        };
        assert!(nested(MAX_LEVELS).is_ok());
        assert_eq!(nested(MAX_LEVELS + 1).unwrap_err().kind(), crate::ErrorKind::InvalidInput);
        assert!(nested(3_000).is_err());
        let wide = format!(r#"{{"d":[{}[]],"t":"{}"}}"#, "[],".repeat(1_000), "[".repeat(1_000));
        assert!(WireRequest::parse(&wide).is_ok());
    }

    #[test]
    fn debug_shows_nothing_that_was_said() {
        let request = WireRequest::parse(r#"{"messages":[{"content":"canary"}]}"#).unwrap();
        assert_eq!(format!("{request:?}"), r#"{"messages"}"#);
    }
}
