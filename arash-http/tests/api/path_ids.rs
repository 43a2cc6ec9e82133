//! Ids in paths that cannot be any: nothing has such a name.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::TestHost;

/// Every operation with whole numbers in its path: method and path.
fn operations() -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(&arash_http::openapi_document()).unwrap();
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let mut in_path = parameters.iter().filter(|parameter| parameter["in"] == "path");
            if path.contains('{') && in_path.all(|parameter| parameter["schema"]["type"] == "integer") {
                operations.push((method.to_ascii_uppercase(), path.clone()));
            }
        }
    }
    operations
}

fn with_id(path: &str, id: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { id } else { part }).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn what_cannot_be_an_id_names_nothing() {
    let host = TestHost::start().await;
    let operations = operations();
    assert!(operations.len() >= 4, "{operations:?}");
    for (method, path) in operations {
        for id in
            ["x", "1.5", "1e3", "%20", "%00", "0x1", "9223372036854775808", "-9223372036854775809", "%D9%A1", "null"]
        {
            let path = with_id(&path, id);
            let request = host.request(&method, &path).bearer_auth(&host.admin.secret);
            let answer = host.send(request.header("Content-Type", "application/json").body("{}")).await;
            assert_eq!((answer.status, answer.at("/error")), (404, json!("not_found")), "{method} {path}");
        }
        // A name that could be one and is not: the same answer.
        for id in ["0", "-1", "9223372036854775807", "-9223372036854775808"] {
            if ["GET", "DELETE"].contains(&method.as_str()) {
                let path = with_id(&path, id);
                let answer = host.send(host.request(&method, &path).bearer_auth(&host.admin.secret)).await;
                assert_eq!((answer.status, answer.at("/error")), (404, json!("not_found")), "{method} {path}");
            }
        }
    }
    assert_snapshot!(host.delete(&host.admin, "/api/v1/admin/api-keys/x").await, @r#"
    404
    {
      "detail": "There is nothing at this path: an id in it must be a whole number, at least 1.",
      "error": "not_found",
      "request_id": "[uuid]",
      "status": 404,
      "success": false,
      "title": "Not found",
      "type": "urn:arash:error:not_found"
    }
    "#);
}
