//! Objects of JSON that are put together bit by bit.

use serde_json::Value;

/// Sets fields of an object.
pub(crate) trait Object {
    /// Gives the field `name` this value. What is no object has no fields, and stays as it is.
    fn set(&mut self, name: &str, value: impl Into<Value>);
}

impl Object for Value {
    fn set(&mut self, name: &str, value: impl Into<Value>) {
        if let Self::Object(fields) = self {
            fields.insert(name.to_owned(), value.into());
        }
    }
}
