//! Links of the OpenAPI document: where what an answer names can be used.

use serde_json::{Map, Value, json};

/// What an operation answers, and what can be done with that.
struct Source {
    /// The operation's id.
    operation: &'static str,
    status: &'static str,
    /// Where in the answer the value stands.
    value: &'static str,
    /// The operations that take it, each with the name of its parameter.
    targets: &'static [(&'static str, &'static str)],
}

const OF_SESSION: &[(&str, &str)] =
    &[("get_session", "session_id"), ("list_session_messages", "session_id"), ("delete_session", "session_id")];
const OF_KEY: &[(&str, &str)] = &[
    ("update_api_key", "id"),
    ("rotate_api_key", "id"),
    ("revoke_api_key", "id"),
    ("get_api_key_usage", "id"),
    ("get_api_key_quota", "api_key_id"),
];
const OF_TEAM_KEY: &[(&str, &str)] =
    &[("update_team_api_key", "id"), ("rotate_team_api_key", "id"), ("revoke_team_api_key", "id")];

const SOURCES: [Source; 5] = [
    Source { operation: "chat", status: "200", value: "$response.body#/data/session_id", targets: OF_SESSION },
    Source {
        operation: "chat_stream",
        status: "200",
        value: "$response.header.X-Turn-Id",
        targets: &[("resume_chat_stream", "turn_id"), ("stop_turn", "turn_id")],
    },
    Source {
        operation: "create_team",
        status: "201",
        value: "$response.body#/id",
        targets: &[
            ("get_team", "id"),
            ("update_team", "id"),
            ("get_team_usage", "team_id"),
            ("put_webhook", "team_id"),
            ("list_webhook_deliveries", "team_id"),
        ],
    },
    Source { operation: "create_api_key", status: "201", value: "$response.body#/key_info/id", targets: OF_KEY },
    Source {
        operation: "create_team_api_key",
        status: "201",
        value: "$response.body#/key_info/id",
        targets: OF_TEAM_KEY,
    },
];

/// Writes the links into the answers of a document.
pub(crate) fn add(document: &mut Value) {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let methods = paths.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut);
    for operation in methods.flat_map(Map::values_mut) {
        let Some(id) = operation.get("operationId").and_then(Value::as_str).map(str::to_owned) else { continue };
        for source in SOURCES.iter().filter(|source| source.operation == id) {
            let answer = operation.get_mut("responses").and_then(|answers| answers.get_mut(source.status));
            if let Some(Value::Object(answer)) = answer {
                answer.insert("links".to_owned(), source.links());
            }
        }
    }
}

impl Source {
    fn links(&self) -> Value {
        let link = |&(operation, parameter): &(&str, &str)| {
            (operation.to_owned(), json!({"operationId": operation, "parameters": {parameter: self.value}}))
        };
        Value::Object(self.targets.iter().map(link).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_leads_from_an_answer_to_a_parameter() {
        let document: Value = serde_json::from_str(&crate::openapi_document()).unwrap();
        let operations: Vec<&Value> = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|path| path.as_object().unwrap().values())
            .collect();
        let find = |id: &str| *operations.iter().find(|one| one["operationId"] == id).unwrap();
        for source in SOURCES {
            let answer = &find(source.operation)["responses"][source.status];
            for (target, parameter) in source.targets {
                assert_eq!(answer["links"][target]["operationId"], **target, "{}", source.operation);
                let parameters = find(target)["parameters"].as_array().unwrap();
                assert!(parameters.iter().any(|one| one["name"] == **parameter), "{target} {parameter}");
            }
        }
    }
}
