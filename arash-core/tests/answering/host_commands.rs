//! Commands that the host answers by itself: the engine lists them and leaves them alone.

use std::time::Duration;

use arash_core::command::{CommandSpec, EnglishTexts};
use arash_core::{Engine, EngineBuilder, ErrorKind, IncomingMessage, Platform};

fn builder(name: &str) -> EngineBuilder {
    let stop = CommandSpec::new(name, "Stop the answer");
    Engine::builder().platform(Platform::public("telegram").models(["offline/assistant"]).host_commands([stop]))
}

#[tokio::test]
async fn a_command_of_the_host_that_reaches_the_engine_is_not_available() {
    let engine = builder("stop").build().await.unwrap();
    let reply = engine.process(IncomingMessage::text("telegram", "user", "chat", "/stop")).await.unwrap();
    assert!(reply.text.starts_with("/stop does not work here."), "{}", reply.text);
    let platform = engine.platform("telegram").unwrap();
    let listed = engine.commands().specs_for(platform, &EnglishTexts, None);
    let names: Vec<_> = listed.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names, ["start", "help", "status", "clear", "model", "models", "stop"]);
    engine.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_command_of_the_host_is_named_like_none_of_the_engine() {
    for name in ["help", "/stop"] {
        assert_eq!(builder(name).build().await.unwrap_err().kind(), ErrorKind::InvalidInput, "{name}");
    }
}
