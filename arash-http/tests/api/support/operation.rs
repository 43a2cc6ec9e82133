use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::documented::DOCUMENT;
use super::{Key, TestHost, Things};

/// An operation as the OpenAPI document describes it.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) method: String,
    pub(crate) path: String,
    about: Value,
}

impl Operation {
    /// All operations of the document.
    pub(crate) fn all() -> Vec<Self> {
        let paths = DOCUMENT["paths"].as_object().unwrap();
        let operations = paths.iter().flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().iter();
            methods.map(move |(method, about)| Self {
                method: method.to_ascii_uppercase(),
                path: path.clone(),
                about: about.clone(),
            })
        });
        operations.collect()
    }

    /// Those that need an API key.
    pub(crate) fn guarded() -> Vec<Self> {
        Self::all().into_iter().filter(Self::needs_key).collect()
    }

    pub(crate) fn needs_key(&self) -> bool {
        self.about["security"].is_array()
    }

    pub(crate) fn has_body(&self) -> bool {
        self.about["requestBody"].is_object()
    }

    /// Whether only keys of level admin may do it.
    pub(crate) fn is_admins(&self) -> bool {
        self.path.starts_with("/api/v1/admin")
    }

    /// Whether keys of level user may not do it.
    pub(crate) fn is_leads(&self) -> bool {
        self.path.starts_with("/api/v1/team")
    }

    /// Whether it answers with a stream of events.
    pub(crate) fn is_stream(&self) -> bool {
        self.about["responses"]["200"]["content"].get("text/event-stream").is_some()
    }

    /// Whether it is one of those for OpenAI's clients.
    pub(crate) fn is_openai(&self) -> bool {
        self.path.starts_with("/v1/")
    }

    /// The status of a request that is not acceptable.
    pub(crate) fn invalid_status(&self) -> u16 {
        if self.is_openai() { 400 } else { 422 }
    }

    /// Whether its body may have fields that the document does not name.
    pub(crate) fn takes_any_field(&self) -> bool {
        let schema = self.about.pointer("/requestBody/content/application~1json/schema/$ref");
        let name = schema.and_then(Value::as_str).and_then(|name| name.rsplit('/').next());
        name.is_some_and(|name| !DOCUMENT["components"]["schemas"][name]["additionalProperties"].is_boolean())
    }

    /// Whether a part of its path is the id of a thing that a team has.
    pub(crate) fn names_a_thing(&self) -> bool {
        self.parameters("path").into_iter().any(|name| name != "model")
    }

    pub(crate) fn documents(&self, status: u16) -> bool {
        self.about["responses"].get(status.to_string()).is_some()
    }

    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The names of its parameters at a place: `path`, `query`.
    pub(crate) fn parameters(&self, place: &str) -> Vec<&str> {
        let parameters = self.about["parameters"].as_array().into_iter().flatten();
        parameters.filter(|one| one["in"] == place).map(|one| one["name"].as_str().unwrap()).collect()
    }

    /// Its path and query with the ids of these things: wherever an id may stand, one does.
    pub(crate) fn path_to(&self, things: &Things) -> String {
        let fill = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => self.id(name, things),
            None => part.to_owned(),
        };
        let path: Vec<String> = self.path.split('/').map(fill).collect();
        let ids = self.parameters("query").into_iter().filter(|name| !is_no_id(name));
        let query: Vec<String> = ids.map(|name| format!("{name}={}", self.id(name, things))).collect();
        if query.is_empty() { path.join("/") } else { format!("{}?{}", path.join("/"), query.join("&")) }
    }

    fn id(&self, name: &str, things: &Things) -> String {
        let is_of = |part: &str| name == "id" && self.path.contains(part);
        match name {
            "session_id" => things.session.clone(),
            "turn_id" => things.turn.clone(),
            _ if is_of("/deliveries/{id}") => things.delivery.clone(),
            "model" => "lab%2Fsmall".to_owned(),
            _ if name == "team_id" || is_of("/teams/{id}") => things.key.team.to_string(),
            _ if name == "api_key_id" || is_of("/api-keys/{id}") || is_of("/api-key/{id}") => things.key_id.to_string(),
            _ => panic!("{}: {name} is new; say here which id it is, or that it is none", self.name()),
        }
    }

    /// A body that it accepts; it changes something.
    pub(crate) fn body(&self, things: &Things) -> Value {
        let schema = self.about.pointer("/requestBody/content/application~1json/schema/$ref");
        let schema = schema.and_then(Value::as_str).unwrap_or_else(|| panic!("{} takes no JSON", self.name()));
        match schema.rsplit('/').next().unwrap() {
            "ChatMessage" => super::message("another", "Hello"),
            "ChatCompletionRequest" => {
                json!({"model": "lab/small", "messages": [{"role": "user", "content": "Hello"}]})
            }
            "TeamInput" => json!({"name": "Made in a try"}),
            "TeamPatch" | "ApiKeyPatch" => json!({"description": "changed in a try"}),
            "ApiKeyInput" => json!({"team_id": things.key.team, "name": "made in a try"}),
            "TeamApiKeyInput" => json!({"name": "made in a try"}),
            "WebhookInput" => json!({"webhook_enabled": false}),
            "RedeliveryInput" => {
                json!({"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z", "only_dead": false})
            }
            "RotationInput" => json!({"overlap_seconds": 0}),
            other => panic!("{}: {other} is new; say here what such a body looks like", self.name()),
        }
    }

    /// The request for these things, with a body that would be accepted; without a key.
    pub(crate) fn request(&self, host: &TestHost, things: &Things) -> RequestBuilder {
        let body = if self.has_body() { self.body(things).to_string() } else { String::new() };
        self.request_with(host, things, body)
    }

    /// The same with another body.
    pub(crate) fn request_with(&self, host: &TestHost, things: &Things, body: impl Into<String>) -> RequestBuilder {
        let request = host.request(&self.method, &self.path_to(things));
        if self.has_body() { request.header("Content-Type", "application/json").body(body.into()) } else { request }
    }

    /// The same as `key` sends it.
    pub(crate) fn request_of(&self, host: &TestHost, key: &Key, things: &Things) -> RequestBuilder {
        self.request(host, things).bearer_auth(&key.secret)
    }
}

/// Query parameters that name nothing.
fn is_no_id(name: &str) -> bool {
    ["limit", "cursor", "days", "period", "permanent", "active_only", "state"].contains(&name)
}
