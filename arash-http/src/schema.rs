//! Checks a JSON value against a schema of the OpenAPI document and names every field at fault.
//!
//! poem-openapi's own parsers stop at the first one.

use arash_core::FieldError;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use serde_json::{Map, Value};

use crate::text;

/// The schema of one type with all that it refers to.
pub(crate) struct Schema {
    root: MetaSchemaRef,
    registry: Registry,
}

impl Schema {
    /// The schema of `T`.
    pub(crate) fn of<T: Type>() -> Self {
        let mut registry = Registry::new();
        T::register(&mut registry);
        Self { root: T::schema_ref(), registry }
    }

    /// Every fault of `value`, in the order of the schema's fields; then the fields that it does not know.
    pub(crate) fn faults(&self, value: &Value) -> Vec<FieldError> {
        let mut faults = Faults { registry: &self.registry, found: Vec::new() };
        faults.check(&self.root, value, "");
        faults.found
    }
}

/// Most faults that are told of one body: who has made so many will not read more.
const MAX_FAULTS: usize = 50;
/// Longest part of a field's name that is repeated to its sender, in characters.
const MAX_SHOWN_NAME: usize = 128;

struct Faults<'a> {
    registry: &'a Registry,
    found: Vec<FieldError>,
}

impl Faults<'_> {
    fn add(&mut self, path: &str, message: impl Into<String>) {
        if self.is_full() {
            return;
        }
        let field: String = if path.is_empty() { "body" } else { path }.chars().take(MAX_SHOWN_NAME).collect();
        self.found.push(FieldError { field: field.into(), message: message.into().into() });
    }

    fn is_full(&self) -> bool {
        self.found.len() >= MAX_FAULTS
    }

    fn check(&mut self, schema: &MetaSchemaRef, value: &Value, path: &str) {
        match schema {
            MetaSchemaRef::Inline(schema) => self.check_against(schema, value, path),
            MetaSchemaRef::Reference(name) => {
                // A name that leads nowhere is left to the type's own parser.
                let registry = self.registry;
                if let Some(schema) = registry.schemas.get(name) {
                    self.check_against(schema, value, path);
                }
            }
        }
    }

    fn check_against(&mut self, schema: &MetaSchema, value: &Value, path: &str) {
        if value.is_null() && schema.nullable {
            return;
        }
        for part in &schema.all_of {
            self.check(part, value, path);
        }
        match (schema.ty, value) {
            ("object", Value::Object(fields)) => self.object(schema, fields, path),
            ("array", Value::Array(entries)) => self.array(schema, entries, path),
            ("string", Value::String(text)) => self.text(schema, text, path),
            ("integer", Value::Number(number)) if number.is_i64() || number.is_u64() => {
                self.number(schema, number, path);
            }
            ("number", Value::Number(number)) => self.number(schema, number, path),
            ("", _) | ("boolean", Value::Bool(_)) => {}
            (ty, value) => self.add(path, wrong_type(ty, value)),
        }
    }

    fn object(&mut self, schema: &MetaSchema, fields: &Map<String, Value>, path: &str) {
        for (name, field) in &schema.properties {
            match fields.get(*name) {
                Some(value) => self.check(field, value, &join(path, name)),
                None if schema.required.contains(name) => self.add(&join(path, name), "is missing"),
                None => {}
            }
        }
        let is_known = |name: &str| schema.properties.iter().any(|(known, _)| *known == name);
        for (name, value) in fields.iter().filter(|(name, _)| !is_known(name)) {
            if self.is_full() {
                return;
            }
            match &schema.additional_properties {
                Some(any) => self.check(any, value, &join(path, name)),
                None => self.add(&join(path, name), "is not a known field"),
            }
        }
    }

    fn array(&mut self, schema: &MetaSchema, entries: &[Value], path: &str) {
        if schema.max_items.is_some_and(|most| entries.len() > most) {
            let most = schema.max_items.unwrap_or_default();
            self.add(path, format!("has {} entries, at most {most} are accepted", entries.len()));
        }
        if schema.min_items.is_some_and(|least| entries.len() < least) {
            let least = schema.min_items.unwrap_or_default();
            self.add(path, format!("has {} entries, at least {least} are needed", entries.len()));
        }
        if let Some(items) = &schema.items {
            // What is more than is accepted is not looked at.
            for (index, entry) in entries.iter().take(schema.max_items.unwrap_or(usize::MAX)).enumerate() {
                if self.is_full() {
                    return;
                }
                self.check(items, entry, &join(path, &index.to_string()));
            }
        }
    }

    fn text(&mut self, schema: &MetaSchema, text: &str, path: &str) {
        if !schema.enum_items.is_empty() && !schema.enum_items.iter().any(|item| item == text) {
            let names: Vec<&str> = schema.enum_items.iter().filter_map(Value::as_str).collect();
            self.add(path, format!("must be one of {}", names.join(", ")));
            return;
        }
        let (least, most) = (schema.min_length.unwrap_or(0), schema.max_length.unwrap_or(usize::MAX));
        let chars = text.chars().count();
        if (least..=most).contains(&chars) {
            if let Some(words) = schema.pattern.as_deref().and_then(|pattern| text::fault(pattern, text)) {
                self.add(path, words);
            }
            return;
        }
        let accepted = match (schema.min_length, schema.max_length) {
            (Some(least), Some(most)) => format!("{least} to {most}"),
            (None, Some(most)) => format!("at most {most}"),
            (least, None) => format!("at least {}", least.unwrap_or_default()),
        };
        self.add(path, format!("has {chars} characters, {accepted} are accepted"));
    }

    fn number(&mut self, schema: &MetaSchema, number: &serde_json::Number, path: &str) {
        let (mut least, mut most) = (schema.minimum, schema.maximum);
        if let Some((lowest, highest)) = schema.format.and_then(format_range) {
            least = Some(least.map_or(lowest, |least| least.max(lowest)));
            most = Some(most.map_or(highest, |most| most.min(highest)));
        }
        let value = number.as_f64().unwrap_or(f64::NAN);
        // As fractions, 2^63 and the largest whole number below it are one.
        let fits = number.is_i64() || schema.format.is_none_or(|format| !format.ends_with("int64"));
        if fits && least.is_none_or(|least| value >= least) && most.is_none_or(|most| value <= most) {
            return;
        }
        let message = match (least, most) {
            (Some(least), Some(most)) => format!("must be {least} to {most}"),
            (Some(least), None) => format!("must be at least {least}"),
            (_, most) => format!("must be at most {}", most.unwrap_or_default()),
        };
        self.add(path, message);
    }
}

/// The numbers that a format holds. For 64 bits only those that poem-openapi parses, which reads them as `i64`.
fn format_range(format: &str) -> Option<(f64, f64)> {
    match format {
        "uint16" => Some((0.0, f64::from(u16::MAX))),
        "uint32" => Some((0.0, f64::from(u32::MAX))),
        "uint64" => Some((0.0, i64::MAX as f64)),
        "int32" => Some((f64::from(i32::MIN), f64::from(i32::MAX))),
        "int64" => Some((i64::MIN as f64, i64::MAX as f64)),
        _ => None,
    }
}

fn wrong_type(expected: &str, value: &Value) -> String {
    let (article, expected) = match expected {
        "object" => ("an", "object"),
        "array" => ("an", "array"),
        "integer" => ("a", "whole number"),
        "string" => ("a", "text"),
        "boolean" => return format!("must be true or false, not {}", kind(value)),
        other => ("a", other),
    };
    format!("must be {article} {expected}, not {}", kind(value))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.as_f64().is_some_and(|value| value.fract() != 0.0) => "a fraction",
        Value::Number(number) if number.is_f64() => "a number that large",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use poem_openapi::types::Any;
    use poem_openapi::{Enum, Object};
    use serde_json::json;

    use super::*;

    #[derive(Debug, Enum)]
    #[oai(rename_all = "snake_case")]
    enum Colour {
        Red,
        DarkBlue,
    }

    #[derive(Debug, Object)]
    struct Part {
        #[oai(validator(maximum(value = "9")))]
        size: u32,
    }

    #[derive(Debug, Object)]
    struct Whole {
        #[oai(validator(min_length = 1, max_length = 3))]
        name: String,
        #[oai(nullable)]
        colour: Option<Colour>,
        #[oai(default, validator(max_items = 2))]
        parts: Vec<Part>,
        #[oai(nullable)]
        anything: Option<HashMap<String, Any<Value>>>,
        is_new: Option<bool>,
    }

    fn faults(value: &Value) -> Vec<String> {
        let faults = Schema::of::<Whole>().faults(value);
        faults.iter().map(|fault| format!("{} {}", fault.field, fault.message)).collect()
    }

    #[test]
    fn what_fits_has_no_faults() {
        for value in [
            json!({"name": "آبی"}),
            json!({"name": "a", "colour": null, "anything": null}),
            json!({"name": "a", "colour": "dark_blue", "parts": [{"size": 9}], "anything": {"x": [1, null]}, "is_new": true}),
        ] {
            assert_eq!(faults(&value), [""; 0], "{value}");
        }
    }

    #[test]
    fn every_fault_is_named_with_its_path() {
        let value = json!({
            "name": "", "colour": "green", "parts": [{"size": 10, "x": 1}, {}, {"size": -1}], "is_new": 1, "more": 0,
        });
        assert_eq!(
            faults(&value),
            [
                "name has 0 characters, 1 to 3 are accepted",
                "colour must be one of red, dark_blue",
                "parts has 3 entries, at most 2 are accepted",
                "parts.0.size must be 0 to 9",
                "parts.0.x is not a known field",
                "parts.1.size is missing",
                "is_new must be true or false, not a number",
                "more is not a known field",
            ]
        );
    }

    #[test]
    fn types_are_not_mixed_up() {
        assert_eq!(faults(&json!([])), ["body must be an object, not an array"]);
        assert_eq!(
            faults(&json!({"name": null, "parts": [{"size": 1.5}, 3], "anything": []})),
            [
                "name must be a text, not null",
                "parts.0.size must be a whole number, not a fraction",
                "parts.1 must be an object, not a number",
                "anything must be an object, not an array",
            ]
        );
    }
}
