use arash_core::settings::HttpSettings;
use serde_json::Value;

use crate::support::TestHost;

fn document() -> Value {
    serde_json::from_str(&arash_http::openapi_document()).unwrap()
}

#[test]
fn the_document_is_the_one_that_was_agreed_on() {
    insta::assert_snapshot!("openapi", format!("{:#}", document()));
}

#[test]
fn every_operation_is_described() {
    let document = document();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = format!("{method} {path}");
            for field in ["summary", "operationId"] {
                assert!(operation[field].is_string(), "{name} has no {field}");
            }
            assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{name} needs one tag");
            let needs_key = !path.starts_with("/health") && path != "/metrics";
            assert_eq!(operation["security"].is_array(), needs_key, "{name}");
            for (status, response) in operation["responses"].as_object().unwrap() {
                let is_problem = response["content"].get("application/problem+json").is_some();
                let schema = response.pointer("/content/application~1json/schema/$ref");
                let is_openai_error = schema.is_some_and(|schema| schema == "#/components/schemas/OpenAiError");
                let (is_failure, is_openai) = (status.as_str() >= "400", path.starts_with("/v1/"));
                // Health is told as a report also where it is bad.
                let is_failure = is_failure && !(path == "/health" && status == "503");
                let expected = (is_failure && !is_openai, is_failure && is_openai);
                assert_eq!((is_problem, is_openai_error), expected, "{name} {status}");
                assert!(response["headers"].get("X-Request-Id").is_some(), "{name} {status}");
            }
        }
    }
}

#[tokio::test]
async fn the_document_and_the_explorer_are_served() {
    let host = TestHost::start().await;
    let answer = host.send(host.request("GET", "/openapi.json")).await;
    assert_eq!(answer.json(), document());
    let explorer = host.send(host.request("GET", "/docs")).await;
    assert_eq!((explorer.status, explorer.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(explorer.text.contains("SwaggerUIBundle") && !explorer.text.contains("src=\"http"));
}

#[tokio::test]
async fn the_document_and_the_explorer_may_be_switched_off() {
    let mut settings = HttpSettings::default();
    settings.has_docs = false;
    let host = TestHost::with_settings(|builder| builder, settings).await;
    for path in ["/openapi.json", "/docs"] {
        assert_eq!(host.send(host.request("GET", path)).await.status, 404, "{path}");
    }
}
