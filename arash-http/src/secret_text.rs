//! Secrets in requests: read, and never shown.

use std::borrow::Cow;

use arash_core::Secret;
use poem_openapi::registry::MetaSchemaRef;
use poem_openapi::types::{ParseFromJSON, ParseResult, ToJSON, Type};
use serde_json::Value;

use crate::scalar::scalar;
use crate::text::Graphic;

/// A secret of printable ASCII characters without spaces.
#[derive(Clone, Debug)]
pub(crate) struct SecretText(pub(crate) Secret);

impl Type for SecretText {
    scalar!();

    fn name() -> Cow<'static, str> {
        "secret".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        Graphic::schema_ref()
    }
}

impl ParseFromJSON for SecretText {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        match Graphic::parse_from_json(value) {
            Ok(text) => Ok(Self(Secret::new(String::from(text)))),
            Err(fault) => Err(fault.propagate()),
        }
    }
}

/// Only there because the `Object` macro asks for it: it is written nowhere.
impl ToJSON for SecretText {
    fn to_json(&self) -> Option<Value> {
        None
    }
}

impl AsRef<str> for SecretText {
    fn as_ref(&self) -> &str {
        self.0.expose()
    }
}
