use insta::assert_snapshot;
use serde_json::json;

use crate::support::{TestHost, message};

#[tokio::test]
async fn a_path_that_is_not_there_is_a_problem() {
    let host = TestHost::start().await;
    for path in ["/", "/api", "/api/v1", "/api/v1/chats", "/api/v1/chat/", "/health/", "/docs/x"] {
        let answer = host.send(host.request("GET", path)).await;
        assert_eq!((answer.status, answer.at("/error")), (404, json!("not_found")), "{path}");
    }
    assert_snapshot!(host.send(host.request("GET", "/nowhere")).await, @r#"
    404
    {
      "detail": "There is nothing at this path.",
      "error": "not_found",
      "request_id": "[uuid]",
      "status": 404,
      "success": false,
      "title": "Not found",
      "type": "urn:arash:error:not_found"
    }
    "#);
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let host = TestHost::start().await;
    let answer = host.send(host.request("GET", "/api/v1/chat")).await;
    assert_eq!(answer.header("allow"), Some("POST"));
    assert_snapshot!(answer, @r#"
    405
    {
      "detail": "This path does not have this method.",
      "error": "method_not_allowed",
      "request_id": "[uuid]",
      "status": 405,
      "success": false,
      "title": "Method not allowed",
      "type": "urn:arash:error:method_not_allowed"
    }
    "#);
    for (method, path, allow) in [
        ("POST", "/health", "GET, HEAD"),
        ("PUT", "/api/v1/session/internal_1_c", "GET, HEAD, DELETE"),
        ("OPTIONS", "/api/v1/admin/teams", "GET, HEAD, POST"),
        ("BREW", "/api/v1/chat", "POST"),
        ("POST", "/openapi.json", "GET, HEAD"),
        ("DELETE", "/docs", "GET, HEAD"),
    ] {
        let answer = host.send(host.request(method, path)).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{method} {path}");
    }
}

#[tokio::test]
async fn a_body_must_be_declared_as_json() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    let post = |content_type: Option<&str>| {
        let request =
            host.request("POST", "/api/v1/chat").bearer_auth(&key.secret).body(message("c", "Hi").to_string());
        match content_type {
            Some(content_type) => request.header("Content-Type", content_type),
            None => request,
        }
    };
    assert_snapshot!(host.send(post(None)).await, @r#"
    415
    {
      "detail": "The body must be JSON: Content-Type: application/json.",
      "error": "unsupported_media_type",
      "request_id": "[uuid]",
      "status": 415,
      "success": false,
      "title": "Unsupported media type",
      "type": "urn:arash:error:unsupported_media_type"
    }
    "#);
    for content_type in ["text/plain", "application/jsonp", "application/problem+json", "multipart/form-data", ""] {
        assert_eq!(host.send(post(Some(content_type))).await.status, 415, "{content_type}");
    }
    for content_type in ["application/json; charset=utf-8", "Application/JSON"] {
        assert_eq!(host.send(post(Some(content_type))).await.status, 200, "{content_type}");
    }
}

#[tokio::test]
async fn a_body_must_be_plain_and_in_utf_8() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    let body = message("c", "Hi").to_string();
    let post = |name: &str, value: &str| {
        let request = host.request("POST", "/api/v1/chat").bearer_auth(&key.secret).body(body.clone());
        let content_type = if name == "Content-Type" { value } else { "application/json" };
        let request = request.header("Content-Type", content_type);
        host.send(if name == "Content-Type" { request } else { request.header(name, value) })
    };
    assert_snapshot!(post("Content-Encoding", "gzip").await, @r#"
    415
    {
      "detail": "The body must not be compressed or otherwise encoded: leave out Content-Encoding.",
      "error": "unsupported_media_type",
      "request_id": "[uuid]",
      "status": 415,
      "success": false,
      "title": "Unsupported media type",
      "type": "urn:arash:error:unsupported_media_type"
    }
    "#);
    assert_snapshot!(post("Content-Type", "application/json; charset=utf-16").await, @r#"
    415
    {
      "detail": "The body must be in UTF-8: leave out the charset, or give charset=utf-8.",
      "error": "unsupported_media_type",
      "request_id": "[uuid]",
      "status": 415,
      "success": false,
      "title": "Unsupported media type",
      "type": "urn:arash:error:unsupported_media_type"
    }
    "#);
    for (name, value) in [
        ("Content-Encoding", "br, gzip"),
        ("Content-Encoding", ""),
        ("Content-Type", "application/json;charset=\"ISO-8859-1\""),
        ("Content-Type", "application/json; x=1; Charset=latin1"),
    ] {
        assert_eq!(post(name, value).await.status, 415, "{name}: {value}");
    }
    for (name, value) in [
        ("Content-Encoding", "Identity"),
        ("Content-Type", "application/json;charset=UTF-8"),
        ("Content-Type", "application/json; charset=\"utf8\"; x=y"),
        ("Content-Type", "application/json;"),
    ] {
        assert_eq!(post(name, value).await.status, 200, "{name}: {value}");
    }
}

#[tokio::test]
async fn what_is_not_json_is_malformed() {
    let host = TestHost::start().await;
    let key = host.user("Team").await;
    let post = |body: Vec<u8>| {
        let request = host.request("POST", "/api/v1/chat").bearer_auth(&key.secret);
        host.send(request.header("Content-Type", "application/json").body(body))
    };
    assert_snapshot!(post(b"{\"text\": hunter2}".to_vec()).await, @r#"
    400
    {
      "detail": "The body is not JSON: expected value at line 1 column 10.",
      "error": "malformed_request",
      "request_id": "[uuid]",
      "status": 400,
      "success": false,
      "title": "Malformed request",
      "type": "urn:arash:error:malformed_request"
    }
    "#);
    let deep = "[".repeat(100_000);
    for body in [&b""[..], b"{", b"{} {}", b"\"\xff\"", b"NaN", deep.as_bytes()] {
        let answer = post(body.to_vec()).await;
        assert_eq!((answer.status, answer.at("/error")), (400, json!("malformed_request")));
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let host = TestHost::start().await;
    let body = json!({"name": "x".repeat(1 << 20)});
    let answer = host.post(&host.admin, "/api/v1/admin/teams", &body).await;
    assert_snapshot!(answer, @r#"
    413
    {
      "detail": "The body is too large; at most 1048576 bytes are accepted.",
      "error": "payload_too_large",
      "request_id": "[uuid]",
      "status": 413,
      "success": false,
      "title": "Payload too large",
      "type": "urn:arash:error:payload_too_large"
    }
    "#);
}

#[tokio::test]
async fn a_request_id_is_kept_or_made() {
    let host = TestHost::start().await;
    let id = async |own: &str| {
        let answer = host.send(host.request("GET", "/nowhere").header("X-Request-Id", own)).await;
        assert_eq!(answer.header("x-request-id"), answer.at("/request_id").as_str());
        answer.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(id("my own: 1/2").await, "my own: 1/2");
    let long = "x".repeat(129);
    for own in ["", long.as_str()] {
        assert_eq!(id(own).await.len(), 36);
    }
}
