//! Times in requests.

use std::borrow::Cow;

use arash_core::clock::Timestamp;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use serde_json::Value;

use crate::scalar::scalar;

/// A moment, as RFC 3339 writes it, at any offset from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl Moment {
    pub(crate) fn read(text: &str) -> Option<Self> {
        Timestamp::from_rfc3339(text).map(Self)
    }
}

impl Type for Moment {
    scalar!();

    fn name() -> Cow<'static, str> {
        "string_date-time".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", "date-time")))
    }
}

impl ParseFromJSON for Moment {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        let moment = value.as_ref().and_then(Value::as_str).and_then(Self::read);
        moment.ok_or_else(|| ParseError::custom("must be a time"))
    }
}

impl ToJSON for Moment {
    fn to_json(&self) -> Option<Value> {
        Some(Value::String(self.0.to_rfc3339()))
    }
}
