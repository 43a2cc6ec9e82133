//! Embeds the engine: a conversation that is kept in a SQLite file and survives the program.
//!
//! `cargo run -p arash-examples --example embed`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use arash_core::ai::Offline;
use arash_core::store::SqlStore;
use arash_core::{Engine, IncomingMessage, Platform, ReplyEvent};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let engine = Engine::builder()
        .platform(Platform::private("internal").models(["offline/assistant"]).rate_limit(60).max_history(30))
        .ai(Offline::default())
        .store(SqlStore::open(&format!("sqlite://{}/arash.db", folder.path().display())).await?)
        .build()
        .await?;

    let reply = engine.process(IncomingMessage::text("internal", "user-1", "chat-1", "My name is Sara")).await?;
    println!("{}", reply.text);

    let mut stream = engine.stream(IncomingMessage::text("internal", "user-1", "chat-1", "What is my name?")).await?;
    while let Some(event) = stream.next().await {
        match event {
            ReplyEvent::Delta(text) => print!("{text}"),
            ReplyEvent::Done(reply) => println!("\n({} messages so far)", reply.receipt.message_count),
            ReplyEvent::Failed(error) => return Err(error.into()),
            _ => {}
        }
    }
    engine.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
