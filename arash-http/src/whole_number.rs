//! Whole numbers in queries.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromParameter, ParseResult, ToJSON, Type};
use serde_json::Value;

/// A whole number from `LEAST` to `MOST`; `DEFAULT` unless it is given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WholeNumber<const LEAST: u32, const MOST: u32, const DEFAULT: u32>(u32);

impl<const LEAST: u32, const MOST: u32, const DEFAULT: u32> WholeNumber<LEAST, MOST, DEFAULT> {
    /// The number.
    pub(crate) fn get(self) -> u32 {
        self.0
    }
}

impl<const LEAST: u32, const MOST: u32, const DEFAULT: u32> Default for WholeNumber<LEAST, MOST, DEFAULT> {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl<const LEAST: u32, const MOST: u32, const DEFAULT: u32> Type for WholeNumber<LEAST, MOST, DEFAULT> {
    crate::scalar::scalar!();

    fn name() -> Cow<'static, str> {
        "whole_number".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            minimum: Some(f64::from(LEAST)),
            maximum: Some(f64::from(MOST)),
            ..MetaSchema::new_with_format("integer", "uint32")
        }))
    }
}

impl<const LEAST: u32, const MOST: u32, const DEFAULT: u32> ParseFromParameter for WholeNumber<LEAST, MOST, DEFAULT> {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        let number = value.parse().ok().filter(|number| (LEAST..=MOST).contains(number));
        number.map(Self).ok_or_else(|| ParseError::custom(format!("must be a whole number from {LEAST} to {MOST}")))
    }
}

impl<const LEAST: u32, const MOST: u32, const DEFAULT: u32> ToJSON for WholeNumber<LEAST, MOST, DEFAULT> {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.into())
    }
}
