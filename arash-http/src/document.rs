//! What the OpenAPI document of poem-openapi leaves out or writes otherwise than clients expect.

use serde_json::Value;

use crate::request_id;

/// Puts a document right: names of headers as people write them, bare media types, and request bodies that say that
/// they take no unknown fields.
pub(crate) fn refine(document: &str) -> String {
    let mut text = document.to_owned();
    // Capitals mean the same, but nobody writes headers so.
    for name in [request_id::HEADER, "Idempotency-Key", "Idempotency-Replayed", "Last-Event-ID", "X-Turn-Id"] {
        text = text.replace(&format!("\"{}\"", name.to_ascii_uppercase()), &format!("\"{name}\""));
    }
    // Generators of clients look for the bare media type.
    let text = text.replace("\"application/json; charset=utf-8\"", "\"application/json\"");
    let text = text.replace("\"text/plain; version=0.0.4; charset=utf-8\"", "\"text/plain\"");
    let Ok(mut value) = serde_json::from_str::<Value>(&text) else { return text };
    for name in request_schemas(&value) {
        close(&mut value, &name);
    }
    serde_json::to_string_pretty(&value).unwrap_or(text)
}

/// The names of all schemas that request bodies are made of.
fn request_schemas(document: &Value) -> Vec<String> {
    let (mut names, mut next) = (Vec::new(), Vec::new());
    let paths = document.get("paths").and_then(Value::as_object);
    for operation in paths.into_iter().flat_map(|paths| paths.values()).filter_map(Value::as_object) {
        operation
            .values()
            .filter_map(|operation| operation.get("requestBody"))
            .for_each(|body| references(body, &mut next));
    }
    while let Some(name) = next.pop() {
        if !names.contains(&name) {
            document.pointer(&pointer(&name)).into_iter().for_each(|schema| references(schema, &mut next));
            names.push(name);
        }
    }
    names
}

/// All schemas that are referred to anywhere in `value`.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let reference = fields.get("$ref").and_then(Value::as_str);
            found.extend(reference.and_then(|text| text.strip_prefix("#/components/schemas/")).map(str::to_owned));
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(entries) => entries.iter().for_each(|entry| references(entry, found)),
        _ => {}
    }
}

fn close(document: &mut Value, name: &str) {
    let Some(Value::Object(schema)) = document.pointer_mut(&pointer(name)) else { return };
    if schema.contains_key("properties") {
        schema.entry("additionalProperties").or_insert(Value::Bool(false));
    }
}

fn pointer(name: &str) -> String {
    format!("/components/schemas/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_requests_are_made_of_takes_no_unknown_fields_and_answers_are_left_alone() {
        let schema = |properties: Value| json!({"type": "object", "properties": properties});
        let document = json!({
            "paths": {"/x": {"post": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Outer"}}}},
                "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}}}},
            }}},
            "components": {"schemas": {
                "Outer": schema(json!({"inner": {"type": "array", "items": {"$ref": "#/components/schemas/Inner"}}})),
                "Inner": schema(json!({"outer": {"$ref": "#/components/schemas/Outer"}})),
                "Answer": schema(json!({})),
            }},
        });
        let refined: Value = serde_json::from_str(&refine(&document.to_string())).unwrap();
        let is_closed = |name: &str| refined["components"]["schemas"][name]["additionalProperties"] == json!(false);
        assert!(is_closed("Outer") && is_closed("Inner") && !is_closed("Answer"));
    }
}
