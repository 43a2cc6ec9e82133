use insta::assert_snapshot;

use crate::support::TestHost;

#[tokio::test]
async fn health_needs_no_key() {
    let host = TestHost::start().await;
    assert_snapshot!(host.send(host.request("GET", "/health")).await, @r#"
    200
    {
      "components": {
        "ai_service": "healthy",
        "api": "healthy",
        "database": "healthy"
      },
      "service": "Arash External API Service",
      "status": "healthy",
      "timestamp": "[time]",
      "version": "0.1.0"
    }
    "#);
}

#[tokio::test]
async fn probes_answer() {
    let host = TestHost::start().await;
    assert_snapshot!(host.send(host.request("GET", "/health/live")).await, @r#"
    200
    {
      "status": "alive"
    }
    "#);
    assert_snapshot!(host.send(host.request("GET", "/health/ready")).await, @r#"
    200
    {
      "status": "ready"
    }
    "#);
}

#[tokio::test]
async fn head_has_no_body() {
    let host = TestHost::start().await;
    let answer = host.send(host.request("HEAD", "/health/live")).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
}
