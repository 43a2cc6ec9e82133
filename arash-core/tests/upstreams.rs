//! Upstreams as the settings describe them, behind an engine.
#![cfg(feature = "settings")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    dead_code,
    reason = "what tests share may end a test as the tests themselves do, and not every test uses all of it"
)]

#[path = "support/upstream.rs"]
mod upstream;

use std::time::Duration;

use arash_core::settings::SettingsArgs;
use arash_core::{Engine, ErrorKind, IncomingMessage, Reply, Result};
use serde_json::Value;
use upstream::{Play, Upstream};

const EVENTS: &str = concat!(
    "data: {\"model\":\"m-1-2026\",\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":10}}\n\ndata: [DONE]\n\n"
);

fn http(status: &str, headers: &str, body: &str) -> Play {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    Play::Answer((head + body).into())
}

fn good() -> Play {
    http("200 OK", "content-type: text/event-stream\r\n", EVENTS)
}

async fn engine(args: SettingsArgs) -> Engine {
    args.resolve().unwrap().engine().unwrap().build().await.unwrap()
}

/// An engine with the upstreams and models of this file.
async fn engine_of(file: &str) -> Engine {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ai.toml");
    std::fs::write(&path, file).unwrap();
    engine(SettingsArgs { ai_providers: Some(path.to_str().unwrap().to_owned()), ..SettingsArgs::default() }).await
}

async fn say(engine: &Engine, model: &str) -> Result<Reply> {
    engine.process(IncomingMessage::text("internal", "u", "c", "Hi").with_model(model)).await
}

#[tokio::test]
async fn one_service_is_enough() {
    let upstream = Upstream::start(good()).await;
    let args = SettingsArgs {
        ai_provider: Some("openai".to_owned()),
        ai_service_url: Some(upstream.url().into()),
        ai_api_key: Some("sk-1".into()),
        internal_models: Some("m-1".to_owned()),
        ..SettingsArgs::default()
    };
    let engine = engine(args).await;
    let reply = say(&engine, "m-1").await.unwrap();
    assert_eq!((reply.text.as_str(), reply.receipt.model.as_str()), ("Hello", "m-1"));
    assert_eq!((reply.receipt.usage.prompt_tokens, reply.receipt.usage.estimated), (1000, false));
    let body: Value = serde_json::from_str(&upstream.requests()[0].body).unwrap();
    assert_eq!(body["model"], "m-1");
}

#[tokio::test]
async fn each_model_goes_to_its_upstream_with_its_price_and_parameters() {
    let (one, two) = (Upstream::start(good()).await, Upstream::start(good()).await);
    let engine = engine_of(&format!(
        r#"
        provider = [
            {{ name = "one", kind = "openai", url = "{}", headers = {{ X-One = "1" }} }},
            {{ name = "two", kind = "openai", url = "{}" }},
        ]
        [[model]]
        id = "house/large"
        provider = "one"
        upstream_id = "m-1"
        name = "Large"
        aliases = ["big"]
        prompt_price = 1_000_000
        completion_price = 2_000_001
        parameters = {{ temperature = 0.5 }}
        [[model]]
        id = "house/small"
        provider = "two"
        "#,
        one.url(),
        two.url(),
    ))
    .await;
    let reply = say(&engine, "big").await.unwrap();
    assert_eq!((reply.receipt.model.as_str(), &*reply.receipt.model_name), ("house/large", "Large"));
    assert_eq!(reply.receipt.cost.0, 1000 + 21, "rounded up once");
    let request = &one.requests()[0];
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!((&body["model"], &body["temperature"]), (&"m-1".into(), &0.5.into()));
    assert_eq!(request.header("x-one"), ["1"]);
    assert_eq!(say(&engine, "house/small").await.unwrap().receipt.cost.0, 0);
    assert_eq!((one.requests().len(), two.requests().len()), (1, 1));
}

#[tokio::test]
async fn a_model_that_stands_in_is_the_one_that_is_told_and_paid() {
    let (one, two) = (Upstream::start(http("500 No", "", "")).await, Upstream::start(good()).await);
    let engine = engine_of(&format!(
        r#"
        provider = [
            {{ name = "one", kind = "pipeline", url = "{}" }}, {{ name = "two", kind = "openai", url = "{}" }},
        ]
        [[model]]
        id = "a"
        provider = "one"
        prompt_price = 9_000_000
        fallbacks = ["b"]
        [[model]]
        id = "b"
        provider = "two"
        prompt_price = 1_000_000
        "#,
        one.url(),
        two.url(),
    ))
    .await;
    let reply = say(&engine, "a").await.unwrap();
    assert_eq!((reply.receipt.model.as_str(), reply.receipt.cost.0), ("b", 1000));
}

#[tokio::test]
async fn an_upstream_that_may_recover_is_asked_three_times_and_its_wait_is_told() {
    let headers = "retry-after: 0\r\n";
    let upstream = Upstream::start(http("429 Too Many", headers, "")).await;
    let file = format!("[[provider]]\nname = \"one\"\nkind = \"openai\"\nurl = \"{}\"\n", upstream.url());
    let engine = engine_of(&format!("{file}[[model]]\nid = \"m\"\n")).await;
    let error = say(&engine, "m").await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::AiService, Some(Duration::ZERO)));
    assert_eq!(upstream.requests().len(), 3);
    let engine = engine_of(&format!("{file}retries = 0\n[[model]]\nid = \"m\"\n")).await;
    assert!(say(&engine, "m").await.is_err());
    assert_eq!(upstream.requests().len(), 4);
}

#[tokio::test]
async fn an_upstream_that_keeps_failing_is_left_alone() {
    let upstream = Upstream::start(http("500 No", "", "")).await;
    let file = format!("[[provider]]\nname = \"one\"\nkind = \"openai\"\nurl = \"{}\"\n", upstream.url());
    let engine = engine_of(&format!("{file}[[model]]\nid = \"m\"\n")).await;
    for _ in 0..5 {
        assert_eq!(say(&engine, "m").await.unwrap_err().kind(), ErrorKind::AiService);
    }
    let error = say(&engine, "m").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.retry_after().is_some_and(|delay| delay <= Duration::from_secs(5)));
    assert_eq!(upstream.requests().len(), 5);
}

#[tokio::test]
async fn a_slow_upstream_is_a_timeout_after_the_time_that_was_set() {
    let upstream = Upstream::start(Play::Silence).await;
    let engine = engine_of(&format!(
        "[[provider]]\nname = \"one\"\nkind = \"openai\"\nurl = \"{}\"\ntimeout_seconds = 1\n[[model]]\nid = \"m\"\n",
        upstream.url()
    ))
    .await;
    let begun = std::time::Instant::now();
    assert_eq!(say(&engine, "m").await.unwrap_err().kind(), ErrorKind::AiTimeout);
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert_eq!(upstream.requests().len(), 1);
}
