//! What the OpenAPI document of poem-openapi leaves out or writes otherwise than clients expect.

use serde_json::{Map, Value};

use crate::{examples, links, request_id};

/// Puts a document right: names of headers as people write them, bare media types, request bodies that say that they
/// take no unknown fields, answers that say which fields are always there, references and whole numbers as generators
/// of clients read them, examples, and links.
pub(crate) fn refine(document: &str) -> String {
    let mut text = document.to_owned();
    // Capitals mean the same, but nobody writes headers so.
    for name in
        [request_id::HEADER, "Idempotency-Key", "Idempotency-Replayed", "Last-Event-ID", "X-Turn-Id", "X-Should-Retry"]
    {
        text = text.replace(&format!("\"{}\"", name.to_ascii_uppercase()), &format!("\"{name}\""));
    }
    // Generators of clients look for the bare media type.
    let text = text.replace("\"application/json; charset=utf-8\"", "\"application/json\"");
    let text = text.replace("\"text/plain; version=0.0.4; charset=utf-8\"", "\"text/plain\"");
    let Ok(mut value) = serde_json::from_str::<Value>(&text) else { return text };
    let of_requests = request_schemas(&value);
    if let Some(Value::Object(schemas)) = value.pointer_mut("/components/schemas") {
        for (name, schema) in &mut *schemas {
            if of_requests.contains(name) { close(schema) } else { require_what_may_be_null(schema) }
        }
        examples::add(schemas);
    }
    simplify(&mut value);
    links::add(&mut value);
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

fn close(schema: &mut Value) {
    if let Value::Object(schema) = schema
        && schema.contains_key("properties")
    {
        schema.entry("additionalProperties").or_insert(Value::Bool(false));
    }
}

/// In answers, a field that has no value is null, or is left out and never null.
fn require_what_may_be_null(schema: &mut Value) {
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let may_be_null = properties.filter(|(_, field)| field.get("nullable") == Some(&Value::Bool(true)));
    let names: Vec<Value> = may_be_null.map(|(name, _)| Value::String(name.clone())).collect();
    let Value::Object(schema) = schema else { return };
    if !names.is_empty()
        && let Value::Array(required) = schema.entry("required").or_insert_with(|| Value::Array(Vec::new()))
    {
        required.extend(names);
    }
}

/// What is said beside a reference stands beside it, not in a schema of its own; bounds of whole numbers are whole.
fn simplify(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(beside) = said_beside_reference(fields) {
                fields.extend(beside);
            }
            for (name, field) in fields {
                if ["minimum", "maximum"].contains(&name.as_str())
                    && let Some(whole) = field.as_f64().and_then(whole)
                {
                    *field = whole.into();
                }
                simplify(field);
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(simplify),
        _ => {}
    }
}

/// Takes the second schema out of `allOf`, if that is a reference and what is said beside it.
fn said_beside_reference(fields: &mut Map<String, Value>) -> Option<Map<String, Value>> {
    let Some(Value::Array(parts)) = fields.get_mut("allOf") else { return None };
    let [Value::Object(reference), Value::Object(_)] = parts.as_slice() else { return None };
    if !reference.contains_key("$ref") {
        return None;
    }
    match parts.pop() {
        Some(Value::Object(beside)) => Some(beside),
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "only what is whole and small is cast")]
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 1e15).then_some(number as i64)
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
