//! Ids of teams and API keys: whole numbers from 1 on.

use std::borrow::Cow;

use arash_core::id::{ApiKeyId, TeamId};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type};
use serde_json::Value;

use crate::scalar::scalar;

/// The id of a team or of an API key, as clients write and read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id(i64);

impl Id {
    fn of(number: Option<i64>) -> ParseResult<Self> {
        let id = number.filter(|&number| number >= 1).map(Self);
        id.ok_or_else(|| ParseError::custom("must be a whole number, at least 1"))
    }
}

impl From<TeamId> for Id {
    fn from(id: TeamId) -> Self {
        Self(id.0)
    }
}

impl From<ApiKeyId> for Id {
    fn from(id: ApiKeyId) -> Self {
        Self(id.0)
    }
}

impl From<Id> for TeamId {
    fn from(id: Id) -> Self {
        Self(id.0)
    }
}

impl From<Id> for ApiKeyId {
    fn from(id: Id) -> Self {
        Self(id.0)
    }
}

impl Type for Id {
    scalar!();

    fn name() -> Cow<'static, str> {
        "id".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        let schema = MetaSchema { minimum: Some(1.0), ..MetaSchema::new_with_format("integer", "int64") };
        MetaSchemaRef::Inline(Box::new(schema))
    }
}

impl ParseFromParameter for Id {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        Self::of(value.parse().ok())
    }
}

impl ParseFromJSON for Id {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Self::of(value.as_ref().and_then(Value::as_i64))
    }
}

impl ToJSON for Id {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.into())
    }
}
