use std::sync::LazyLock;

use serde_json::Value;

/// The OpenAPI document.
pub(super) static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&arash_http::openapi_document()).unwrap());

/// Fails unless the OpenAPI document knows this status of this operation. Paths without operations are not its subject.
pub(crate) fn check(method: &str, path: &str, status: u16) {
    let path = path.split('?').next().unwrap();
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let Some((_, methods)) = paths.iter().find(|(template, _)| matches(template, path)) else { return };
    let Some(operation) = methods.get(method.to_ascii_lowercase()) else { return };
    let is_documented = operation["responses"].get(status.to_string()).is_some();
    assert!(is_documented, "{method} {path} answered {status}, which is not documented");
}

fn matches(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(&path).all(|(wanted, given)| wanted.starts_with('{') || wanted == given)
}
