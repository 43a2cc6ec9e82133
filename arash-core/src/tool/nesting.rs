use serde_json::Value;

/// Most levels of arrays and objects within each other, in arguments and in schemas. To check them takes some tens of
/// kilobytes of the stack for each, and to run out of it ends the program.
pub(super) const MAX_LEVELS: usize = 32;

/// Whether a value has at most this many levels of arrays and objects.
pub(super) fn is_within(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(entries) => levels > 0 && entries.iter().all(|entry| is_within(entry, levels - 1)),
        Value::Object(fields) => levels > 0 && fields.values().all(|field| is_within(field, levels - 1)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn levels_are_counted_where_they_are_deepest() {
        for (value, levels) in
            [(json!(1), 0), (json!([]), 1), (json!({"a": 1, "b": [{"c": []}], "d": []}), 4), (json!([[], [[]]]), 3)]
        {
            assert!(is_within(&value, levels), "{value}");
            assert!(levels == 0 || !is_within(&value, levels - 1), "{value}");
        }
    }
}
