use arash_core::settings::HttpSettings;
use reqwest::RequestBuilder;

use crate::support::{Answer, TestHost};

const PAGE: &str = "https://app.example";

async fn host(origins: &[&str]) -> TestHost {
    let mut settings = HttpSettings::default();
    settings.cors_origins = origins.iter().map(|&origin| origin.to_owned()).collect();
    TestHost::with_settings(|builder| builder, settings).await
}

fn preflight(host: &TestHost, origin: &str) -> RequestBuilder {
    let request = host.request("OPTIONS", "/api/v1/chat").header("Origin", origin);
    request.header("Access-Control-Request-Method", "POST").header("Access-Control-Request-Headers", "x-stainless-os")
}

fn told(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

#[tokio::test]
async fn without_origins_nothing_is_told() {
    let host = host(&[]).await;
    let answer = host.send(host.request("GET", "/health").header("Origin", PAGE)).await;
    assert_eq!((answer.status, told(&answer), answer.header("vary")), (200, None, None));
    assert_eq!(host.send(preflight(&host, PAGE)).await.status, 405);
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_send_what_the_api_takes() {
    let host = host(&["http://localhost:8080", PAGE]).await;
    let answer = host.send(preflight(&host, PAGE)).await;
    assert_eq!((answer.status, answer.text.as_str(), told(&answer)), (204, "", Some(PAGE)));
    assert_eq!(answer.header("access-control-max-age"), Some("7200"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    assert_eq!(answer.header("vary"), Some("Origin"));
    let methods = answer.header("access-control-allow-methods").unwrap();
    assert_eq!(methods, "GET, HEAD, POST, PUT, PATCH, DELETE");
    assert_eq!(
        answer.header("access-control-allow-headers"),
        Some("Authorization, Content-Type, Idempotency-Key, X-Request-Id, Last-Event-ID, x-stainless-os")
    );
}

#[tokio::test]
async fn failures_too_may_be_read_by_an_allowed_page() {
    let host = host(&[PAGE]).await;
    for (method, path, status) in [
        ("GET", "/api/v1/sessions", 401),
        ("GET", "/nowhere", 404),
        ("GET", "/api/v1/chat", 405),
        ("GET", "/health", 200),
    ] {
        let answer = host.send(host.request(method, path).header("Origin", PAGE)).await;
        assert_eq!((answer.status, told(&answer)), (status, Some(PAGE)), "{path}");
        let exposed = answer.header("access-control-expose-headers").unwrap();
        for name in
            ["X-Request-Id", "X-Turn-Id", "Retry-After", "RateLimit", "RateLimit-Policy", "Idempotency-Replayed"]
        {
            assert!(exposed.split(", ").any(|header| header == name), "{name}");
        }
    }
}

#[tokio::test]
async fn a_foreign_page_is_answered_but_may_not_read_it() {
    let host = host(&[PAGE]).await;
    for origin in ["https://evil.example", "https://app.example.evil.example", "http://app.example", "null", ""] {
        let answer = host.send(host.request("GET", "/health").header("Origin", origin)).await;
        assert_eq!((answer.status, told(&answer)), (200, None), "{origin}");
        assert_eq!(answer.header("vary"), Some("Origin"), "a cache must not give this answer to others");
        let answer = host.send(preflight(&host, origin)).await;
        assert_eq!((answer.status, told(&answer)), (405, None), "{origin}");
    }
}

#[tokio::test]
async fn all_pages_may_call_where_all_are_allowed() {
    let host = host(&["*"]).await;
    let answer = host.send(preflight(&host, "https://any.example")).await;
    assert_eq!((answer.status, told(&answer), answer.header("vary")), (204, Some("*"), None));
    let answer = host.send(host.request("GET", "/health").header("Origin", "null")).await;
    assert_eq!((answer.status, told(&answer)), (200, Some("*")));
    let answer = host.send(host.request("GET", "/health")).await;
    assert_eq!((answer.status, told(&answer)), (200, None), "no page asks");
    let plain = host.send(host.request("OPTIONS", "/api/v1/chat").header("Origin", PAGE)).await;
    assert_eq!((plain.status, told(&plain)), (405, Some("*")), "no preflight, so an ordinary request");
}
