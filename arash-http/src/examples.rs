//! Examples of request bodies in the OpenAPI document, ready to be sent from its explorer.

use serde_json::{Map, Value, json};

/// Writes the examples into the schemas of a document, by their names.
pub(crate) fn add(schemas: &mut Map<String, Value>) {
    for (name, example) in all() {
        if let Some(Value::Object(schema)) = schemas.get_mut(name) {
            schema.insert("example".to_owned(), example);
        }
    }
}

fn all() -> [(&'static str, Value); 10] {
    [
        ("ChatMessage", json!({"user_id": "user123", "chat_id": "chat456", "text": "Hello, how are you?"})),
        (
            "ChatCompletionRequest",
            json!({"model": "offline/assistant", "messages": [{"role": "user", "content": "Hello, how are you?"}]}),
        ),
        ("TeamInput", json!({"name": "Support", "monthly_quota": 100_000, "daily_quota": 5_000})),
        ("TeamPatch", json!({"description": "Answers customers", "daily_quota": null})),
        ("ApiKeyInput", json!({"team_id": 1, "name": "Server", "access_level": "user", "expires_in_days": 90})),
        ("TeamApiKeyInput", json!({"name": "Server", "access_level": "user", "expires_in_days": 90})),
        ("ApiKeyPatch", json!({"name": "Old server", "daily_quota": 100})),
        (
            "WebhookInput",
            json!({"webhook_url": "https://example.com/webhooks/arash", "events": ["message.completed", "message.failed"]}),
        ),
        ("RedeliveryInput", json!({"from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z", "only_dead": true})),
        ("RotationInput", json!({"overlap_seconds": 3_600})),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_body_has_an_example_with_fields_that_it_knows() {
        let document: Value = serde_json::from_str(&crate::openapi_document()).unwrap();
        for path in document["paths"].as_object().unwrap().values() {
            for operation in path.as_object().unwrap().values() {
                let body = operation.pointer("/requestBody/content/application~1json/schema/$ref");
                let Some(name) = body.and_then(Value::as_str).and_then(|name| name.rsplit('/').next()) else {
                    continue;
                };
                let schema = &document["components"]["schemas"][name];
                let example = schema["example"].as_object().unwrap_or_else(|| panic!("{name} has no example"));
                assert!(example.keys().all(|field| schema["properties"].get(field).is_some()), "{name}");
                let mut required = schema["required"].as_array().into_iter().flatten();
                assert!(required.all(|field| example.contains_key(field.as_str().unwrap())), "{name}");
            }
        }
    }
}
