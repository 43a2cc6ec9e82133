//! A tool of one's own, which the model may call while it answers: the weather.
//!
//! The model is a scripted one here, so that the example runs without an account; any provider that knows tools will do.
//!
//! `cargo run -p arash-examples --example own_tool`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use arash_core::testing::{Script, ScriptedProvider, Step};
use arash_core::tool::{Tool, ToolContext, ToolError, ToolSpec};
use arash_core::{Engine, IncomingMessage, Platform, ReplyEvent, Result};
use serde_json::{Value, json};

/// Knows the weather of two cities.
struct Weather;

#[async_trait::async_trait]
impl Tool for Weather {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "get_weather".to_owned(),
            description: "The weather in a city right now.".to_owned(),
            parameters: json!({
                "type": "object",
                "properties": {"city": {"type": "string", "description": "Its English name."}},
                "required": ["city"],
                "additionalProperties": false
            }),
        }
    }

    /// The arguments were checked against the schema before. The context tells who asks, for tools that must know.
    async fn run(&self, arguments: Value, context: ToolContext) -> Result<String, ToolError> {
        println!("  (asked by {} with {arguments})", context.user_id);
        match arguments.get("city").and_then(Value::as_str) {
            Some("Tehran") => Ok("sunny, 24 degrees".to_owned()),
            Some("Isfahan") => Ok("windy, 19 degrees".to_owned()),
            // The model reads this, and may tell the user or try another city.
            _ => Err(ToolError::new("only Tehran and Isfahan are known")),
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let model = ScriptedProvider::new([
        Script::new([Step::say("Let me look."), Step::call("call_1", "get_weather", r#"{"city": "Tehran"}"#)]),
        Script::saying("It is sunny in Tehran."),
    ]);
    let engine = Engine::builder()
        // Tools work where a platform allows them.
        .platform(Platform::private("internal").models(["scripted"]).tools(["get_weather"]))
        .tool(Weather)
        .ai(model)
        .build()
        .await?;
    let message = IncomingMessage::text("internal", "user-1", "chat-1", "How is the weather in Tehran?");
    let mut stream = engine.stream(message).await?;
    while let Some(event) = stream.next().await {
        match event {
            ReplyEvent::Delta(text) => println!("text: {text:?}"),
            ReplyEvent::Notice(text) => println!("notice: {text}"),
            ReplyEvent::Done(reply) => println!("answer: {}", reply.text),
            ReplyEvent::Failed(error) => return Err(error),
            _ => {}
        }
    }
    engine.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
