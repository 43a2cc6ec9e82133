//! A provider of one's own, and one that wraps another: an echo that shouts.
//!
//! `cargo run -p arash-examples --example own_provider`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;
use std::time::Duration;

use arash_core::ai::{AiError, AiProvider, ChatDelta, ChatRequest, ChatStream};
use arash_core::{Engine, IncomingMessage, Platform, Result};
use futures_util::StreamExt;

/// Says what it was told, word by word.
#[derive(Debug)]
struct Echo;

#[async_trait::async_trait]
impl AiProvider for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, AiError> {
        let text = request.newest().map(|message| Arc::clone(&message.text)).unwrap_or_default();
        let words: Vec<_> = text.split_inclusive(' ').map(|word| Ok(ChatDelta::Text(word.to_owned()))).collect();
        Ok(Box::pin(futures_util::stream::iter(words)))
    }
}

/// A layer: whatever the provider within says, louder.
#[derive(Debug)]
struct Louder<P>(P);

#[async_trait::async_trait]
impl<P: AiProvider> AiProvider for Louder<P> {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, AiError> {
        let louder = |delta| match delta {
            Ok(ChatDelta::Text(text)) => Ok(ChatDelta::Text(text.to_uppercase())),
            other => other,
        };
        Ok(Box::pin(self.0.stream(request).await?.map(louder)))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let engine =
        Engine::builder().platform(Platform::private("internal").models(["echo"])).ai(Louder(Echo)).build().await?;
    let reply = engine.process(IncomingMessage::text("internal", "user-1", "chat-1", "can you hear me?")).await?;
    println!("{}", reply.text);
    engine.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
