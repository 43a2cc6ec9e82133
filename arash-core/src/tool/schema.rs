use std::fmt;
use std::panic::catch_unwind;

use boon::{Compiler, Schemas, UrlLoader};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::tool::nesting::{MAX_LEVELS, is_within};

/// Where a schema is said to be: relative references in it lead nowhere.
const PLACE: &str = "tool:arguments";
/// Most bytes of what is said about arguments that are not as they should be.
const MAX_FAULT_BYTES: usize = 2_000;

/// The JSON Schema of a tool's arguments, ready to be used. Draft 2020-12, unless it names another one.
pub(super) struct ArgumentSchema {
    schemas: Schemas,
    root: boon::SchemaIndex,
}

/// Schemas refer to nothing outside: no file is read, and nothing is fetched.
struct NoLoader;

impl UrlLoader for NoLoader {
    fn load(&self, _url: &str) -> std::result::Result<Value, Box<dyn std::error::Error>> {
        Err("a schema must hold all that it refers to".into())
    }
}

impl ArgumentSchema {
    /// Reads the schema of the tool `name`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when it is not the JSON Schema of an object.
    pub(super) fn compile(name: &str, schema: &Value) -> Result<Self> {
        if schema.get("type").and_then(Value::as_str) != Some("object") {
            return Err(fault(name, "must have the type object"));
        }
        // A property takes two levels, its name and what it is.
        if !is_within(schema, 2 * MAX_LEVELS) {
            return Err(fault(name, format!("at most {} levels within each other are accepted", 2 * MAX_LEVELS)));
        }
        // The compiler panics at patterns that are too large to be compiled.
        let compiled = catch_unwind(|| Self::compile_all(schema)).unwrap_or_else(|_| Err("it is too large".to_owned()));
        compiled.map_err(|error| fault(name, error))
    }

    fn compile_all(schema: &Value) -> std::result::Result<Self, String> {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.use_loader(Box::new(NoLoader));
        compiler.add_resource(PLACE, schema.clone()).map_err(|error| error.to_string())?;
        let root = compiler.compile(PLACE, &mut schemas).map_err(|error| error.to_string())?;
        Ok(Self { schemas, root })
    }

    /// Whether arguments are as it says; else what is wrong with them, for whoever wrote them.
    pub(super) fn check(&self, arguments: &Value) -> std::result::Result<(), String> {
        self.schemas.validate(arguments, self.root).map_err(|error| {
            let mut faults = Vec::new();
            collect(&error, &mut faults);
            let mut text = faults.join("; ");
            text.truncate(text.floor_char_boundary(MAX_FAULT_BYTES));
            text
        })
    }
}

impl fmt::Debug for ArgumentSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArgumentSchema").finish_non_exhaustive()
    }
}

/// The faults at the ends of the tree; those above only say that there are some below.
fn collect(error: &boon::ValidationError<'_, '_>, faults: &mut Vec<String>) {
    if error.causes.is_empty() {
        let place = error.instance_location.to_string();
        let place = if place.is_empty() { "the arguments".to_owned() } else { place };
        faults.push(format!("{place}: {}", error.kind));
    }
    for cause in &error.causes {
        collect(cause, faults);
    }
}

fn fault(name: &str, what: impl fmt::Display) -> Error {
    Error::invalid("tool", format!("the schema of {name:?} cannot be used: {what}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema(properties: &Value) -> ArgumentSchema {
        let schema = json!({
            "type": "object", "properties": properties, "required": ["city"], "additionalProperties": false,
            "$defs": {"unit": {"enum": ["C", "F"]}}
        });
        ArgumentSchema::compile("weather", &schema).unwrap()
    }

    #[test]
    fn arguments_are_checked_and_every_fault_is_told() {
        let schema = schema(&json!({
            "city": {"type": "string", "minLength": 1}, "days": {"type": "integer", "maximum": 7},
            "unit": {"$ref": "#/$defs/unit"}
        }));
        assert_eq!(schema.check(&json!({"city": "Tehran", "days": 7, "unit": "C"})), Ok(()));
        let told = schema.check(&json!({"days": 1.5, "unit": "K", "to": 1})).unwrap_err();
        for part in ["city", "/days", "/unit", "to"] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }

    #[test]
    fn what_is_told_is_bounded() {
        let schema = schema(&json!({"city": {"items": {"type": "null"}}}));
        let told = schema.check(&json!({"city": vec!["آ".repeat(100); 1_000]})).unwrap_err();
        assert!(told.len() <= MAX_FAULT_BYTES && told.len() > MAX_FAULT_BYTES / 2, "{}", told.len());
    }

    #[test]
    fn only_a_whole_schema_of_an_object_is_taken() {
        for schema in [
            json!({}),
            json!(true),
            json!({"type": "string"}),
            json!({"type": "object", "properties": {"a": {"type": "text"}}}),
            json!({"type": "object", "properties": {"a": {"pattern": "("}}}),
            json!({"type": "object", "properties": {"a": {"pattern": "(?:a{1000}){1000}"}}}),
            json!({"type": "object", "properties": {"a": {"$ref": "#/nowhere"}}}),
            json!({"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}}),
            json!({"type": "object", "properties": {"a": {"$ref": "https://example.com/schema"}}}),
            json!({"type": "object", "$schema": "https://example.com/schema"}),
            json!({"type": "object", "$id": "https://example.com/a", "properties": {"a": {"$ref": "b"}}}),
            nested(MAX_LEVELS),
        ] {
            let error = ArgumentSchema::compile("it", &schema).unwrap_err();
            assert!(error.to_string().contains("\"it\""), "{error}");
        }
    }

    /// A schema of so many objects within each other.
    fn nested(levels: usize) -> Value {
        (0..levels).fold(json!({"type": "object"}), |inner, _| json!({"type": "object", "properties": {"a": inner}}))
    }

    #[test]
    fn the_deepest_schema_and_arguments_fit_the_stack() {
        assert!(ArgumentSchema::compile("it", &nested(MAX_LEVELS - 1)).is_ok());
        let schema = json!({"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"$ref": "#"}]}}});
        let schema = ArgumentSchema::compile("it", &schema).unwrap();
        let arguments = (1..MAX_LEVELS).fold(json!({}), |inner, _| json!({"a": inner}));
        assert!(is_within(&arguments, MAX_LEVELS) && schema.check(&arguments).is_ok());
    }
}
