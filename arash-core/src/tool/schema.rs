use std::fmt;

use boon::{Compiler, Schemas, UrlLoader};
use serde_json::Value;

use crate::error::{Error, Result};

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
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.use_loader(Box::new(NoLoader));
        compiler.add_resource(PLACE, schema.clone()).map_err(|error| fault(name, error))?;
        let root = compiler.compile(PLACE, &mut schemas).map_err(|error| fault(name, error))?;
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
            json!({"type": "object", "properties": {"a": {"$ref": "#/nowhere"}}}),
            json!({"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}}),
            json!({"type": "object", "properties": {"a": {"$ref": "https://example.com/schema"}}}),
        ] {
            let error = ArgumentSchema::compile("it", &schema).unwrap_err();
            assert!(error.to_string().contains("\"it\""), "{error}");
        }
    }
}
