use base64::Engine as _;
use sha2::{Digest, Sha256};

use crate::support::TestHost;

/// A panic has them too: `routes::tests`.
#[tokio::test]
async fn every_answer_tells_browsers_what_they_may_do() {
    let host = TestHost::start().await;
    for (method, path, status) in [
        ("GET", "/health", 200),
        ("HEAD", "/health/live", 200),
        ("GET", "/api/v1/sessions", 401),
        ("GET", "/nowhere", 404),
        ("GET", "/api/v1/chat", 405),
        ("GET", "/openapi.json", 200),
        ("GET", "/metrics", 200),
        ("GET", "/docs", 200),
    ] {
        let answer = host.send(host.request(method, path)).await;
        assert_eq!(answer.status, status, "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        let policy = answer.header("content-security-policy").unwrap();
        assert_eq!(policy == "default-src 'none'; frame-ancestors 'none'", path != "/docs", "{path}: {policy}");
    }
}

#[tokio::test]
async fn the_explorer_runs_its_own_scripts_and_no_others() {
    let host = TestHost::start().await;
    let answer = host.send(host.request("GET", "/docs")).await;
    let policy = answer.header("content-security-policy").unwrap();
    let (sources, others): (Vec<_>, Vec<_>) = policy.split("; ").partition(|rule| rule.starts_with("script-src"));
    assert_eq!(
        others,
        [
            "default-src 'none'",
            "style-src 'unsafe-inline'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'"
        ]
    );
    // As a browser reads them: what stands between the tags.
    let mut digests = vec!["script-src".to_owned()];
    let mut rest = answer.text.as_str();
    while let Some((_, tag)) = rest.split_once("<script") {
        let (attributes, after) = tag.split_once('>').unwrap();
        assert!(!attributes.contains("src="), "everything is in the page");
        let (script, after) = after.split_once("</script>").unwrap();
        let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(script));
        digests.push(format!("'sha256-{digest}'"));
        rest = after;
    }
    assert_eq!(sources, [digests.join(" ")]);
    assert_eq!(digests.len(), 3, "Swagger UI, and what starts it");
}

#[tokio::test]
async fn the_explorer_shows_the_document_and_keeps_the_key() {
    let host = TestHost::start().await;
    let page = host.send(host.request("GET", "/docs")).await.text;
    assert!(page.starts_with("<!doctype html>"), "browsers take it for what it is");
    assert!(page.contains(&format!("let spec = {};", arash_http::openapi_document())));
    let start = page.rsplit_once("SwaggerUIBundle({").unwrap().1;
    assert!(start.contains("persistAuthorization: true,"), "{start}");
}
