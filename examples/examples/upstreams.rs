//! Two upstreams, one of which is away: what makes them hold out, in the right order.
//!
//! `cargo run -p arash-examples --example upstreams`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;
use std::time::Duration;

use arash_core::ai::layers::{CircuitBreaker, Fallback, Retry, Route, Router};
use arash_core::ai::{AiProvider, OFFLINE_MODEL, Offline, OpenAi};
use arash_core::clock::SystemClock;
use arash_core::money::Price;
use arash_core::platform::ModelInfo;
use arash_core::{Engine, IncomingMessage, Platform, Result};

/// An upstream that is asked again when that may help, and left alone while it keeps failing.
fn guarded(provider: impl AiProvider) -> Arc<dyn AiProvider> {
    Arc::new(Retry::new(CircuitBreaker::new(provider, Arc::new(SystemClock))))
}

#[tokio::main]
async fn main() -> Result<()> {
    // Nobody listens there; with a real address and `.with_api_key(…)` this is a service.
    let away = OpenAi::new("http://127.0.0.1:9/v1")?.named("away").with_timeout(Duration::from_secs(30));
    let router = Router::new()
        .route("house/large", Route::new(guarded(away)).upstream_model("gpt-5-chat-latest"))
        .route("house/small", Route::new(Arc::new(Offline::new())).upstream_model(OFFLINE_MODEL));
    let price = Price { prompt_micros_per_million: 1_250_000, completion_micros_per_million: 10_000_000 };

    let engine = Engine::builder()
        .platform(Platform::private("internal").models(["house/large"]))
        .model(ModelInfo::new("house/large").priced(price))
        .model(ModelInfo::new("house/small").named("House Small"))
        .ai(Fallback::new(router).instead_of("house/large", ["house/small"]))
        .build()
        .await?;
    let reply = engine.process(IncomingMessage::text("internal", "user-1", "chat-1", "I am Sara")).await?;
    println!("{}: {}", reply.receipt.model_name, reply.text);
    assert_eq!(reply.receipt.model.as_str(), "house/small");
    engine.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
