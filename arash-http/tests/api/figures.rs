use arash_core::Secret;
use arash_core::settings::HttpSettings;
use insta::assert_snapshot;

use crate::support::TestHost;

/// What the figures are is the subject of `tests/process/figures.rs`: here many hosts share one process.
#[tokio::test]
async fn figures_are_told_to_all_where_no_token_is_set() {
    let host = TestHost::start().await;
    for _ in 0..2 {
        let answer = host.send(host.request("GET", "/metrics")).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("text/plain; version=0.0.4; charset=utf-8"))
        );
        assert!(answer.text.contains("# TYPE arash_turns_running gauge\n"), "{}", answer.text);
    }
}

#[tokio::test]
async fn figures_are_told_to_who_shows_the_token() {
    let mut settings = HttpSettings::default();
    settings.metrics_token = Some(Secret::from("token-of-the-scraper"));
    let host = TestHost::with_settings(|builder| builder, settings).await;
    let refused = host.send(host.request("GET", "/metrics")).await;
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    assert_snapshot!(refused, @r#"
    401
    {
      "detail": "The metrics token is needed: Authorization: Bearer <METRICS_TOKEN>",
      "error": "unauthenticated",
      "request_id": "[uuid]",
      "status": 401,
      "success": false,
      "title": "Not authenticated",
      "type": "urn:arash:error:unauthenticated"
    }
    "#);
    let admin = format!("Bearer {}", host.admin.secret);
    for shown in
        [admin.as_str(), "Bearer token-of-the-scrape", "Bearer", "Basic token-of-the-scraper", "token-of-the-scraper"]
    {
        assert_eq!(
            host.send(host.request("GET", "/metrics").header("Authorization", shown)).await.status,
            401,
            "{shown}"
        );
    }
    for shown in ["Bearer token-of-the-scraper", "bearer  token-of-the-scraper"] {
        assert_eq!(
            host.send(host.request("GET", "/metrics").header("Authorization", shown)).await.status,
            200,
            "{shown}"
        );
    }
}
