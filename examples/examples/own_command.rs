//! A command of one's own: `/roll 2d6`, beside the built-in ones.
//!
//! `cargo run -p arash-examples --example own_command`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use arash_core::command::{CommandCall, CommandContext, CommandHandler, CommandReply, CommandSpec};
use arash_core::{Engine, Error, IncomingMessage, Platform, Result};

/// Adds up dice. Deterministic, so that the example always prints the same.
struct Roll;

#[async_trait::async_trait]
impl CommandHandler for Roll {
    fn spec(&self) -> CommandSpec {
        CommandSpec::new("roll", "Adds up the highest faces of some dice.").arguments("<count>d<faces>")
    }

    async fn run(&self, call: CommandCall<'_>, context: CommandContext<'_>) -> Result<CommandReply> {
        let dice = call.arguments().next().unwrap_or_default();
        let (count, faces) = dice
            .split_once('d')
            .and_then(|(count, faces)| Some((count.parse::<u32>().ok()?, faces.parse::<u32>().ok()?)))
            .ok_or_else(|| Error::invalid("text", format!("{dice:?} is no dice; try /roll 2d6")))?;
        let highest = count.saturating_mul(faces);
        Ok(CommandReply::text(format!("{} could roll {highest} at most.", context.user_id)))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let engine = Engine::builder()
        .platform(Platform::private("internal").models(["offline/assistant"]))
        .command(Roll)
        .build()
        .await?;
    for text in ["/roll 2d6", "/help"] {
        let reply = engine.process(IncomingMessage::text("internal", "Sara", "chat-1", text)).await?;
        println!("> {text}\n{}\n", reply.text);
    }
    match engine.process(IncomingMessage::text("internal", "Sara", "chat-1", "/roll seven")).await {
        Ok(reply) => println!("{}", reply.text),
        Err(error) => println!("refused: {error}"),
    }
    engine.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
