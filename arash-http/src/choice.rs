//! One of a few words in a query.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::{ParseError, ParseFromParameter, ParseResult, ToJSON, Type};
use serde_json::Value;

/// One of the words that `E` is made of. Of another one it says which these are; poem-openapi's own parser does not.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Choice<E>(pub(crate) E);

impl<E: Type> Choice<E> {
    /// All words of `E`: `daily, monthly`.
    fn accepted() -> String {
        let mut registry = Registry::new();
        E::register(&mut registry);
        let words = registry.schemas.get(&*E::name()).into_iter().flat_map(|schema| &schema.enum_items);
        let words: Vec<&str> = words.filter_map(Value::as_str).collect();
        words.join(", ")
    }
}

impl<E: Type> Type for Choice<E> {
    crate::scalar::scalar!();

    fn name() -> Cow<'static, str> {
        E::name()
    }

    fn schema_ref() -> MetaSchemaRef {
        E::schema_ref()
    }

    fn register(registry: &mut Registry) {
        E::register(registry);
    }
}

impl<E: ParseFromParameter> ParseFromParameter for Choice<E> {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        let chosen = E::parse_from_parameter(value);
        chosen.map(Self).map_err(|_| ParseError::custom(format!("must be one of {}", Self::accepted())))
    }
}

impl<E: ToJSON> ToJSON for Choice<E> {
    fn to_json(&self) -> Option<Value> {
        self.0.to_json()
    }
}
