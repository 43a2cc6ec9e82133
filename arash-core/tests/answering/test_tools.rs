//! Tools to call, and engines that have them.

use std::sync::Arc;

use arash_core::ai::{ChatRequest, ToolSpec};
use arash_core::message::{Message, Role};
use arash_core::session::{MessagePage, SessionKey};
use arash_core::testing::ScriptedProvider;
use arash_core::tool::{Tool, ToolContext, ToolError};
use arash_core::{Engine, EngineBuilder, Platform};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use crate::stores::TestStore;

type Run = dyn Fn(Value, ToolContext) -> BoxFuture<'static, Result<String, ToolError>> + Send + Sync;

/// A tool that does what a test says. It takes a `city`, which must be a text if it is there, and nothing else.
pub(crate) struct TestTool {
    name: &'static str,
    run: Box<Run>,
}

impl TestTool {
    pub(crate) fn new<F: Future<Output = Result<String, ToolError>> + Send + 'static>(
        name: &'static str,
        run: impl Fn(Value, ToolContext) -> F + Send + Sync + 'static,
    ) -> Self {
        Self { name, run: Box::new(move |arguments, context| Box::pin(run(arguments, context))) }
    }

    /// Gives this text.
    pub(crate) fn saying(name: &'static str, text: &str) -> Self {
        let text = text.to_owned();
        Self::new(name, move |_, _| std::future::ready(Ok(text.clone())))
    }
}

#[async_trait::async_trait]
impl Tool for TestTool {
    fn spec(&self) -> ToolSpec {
        let properties = json!({"city": {"type": "string"}});
        ToolSpec {
            name: self.name.to_owned(),
            description: "Is there for a test.".to_owned(),
            parameters: json!({"type": "object", "properties": properties, "additionalProperties": false}),
        }
    }

    async fn run(&self, arguments: Value, context: ToolContext) -> Result<String, ToolError> {
        (self.run)(arguments, context).await
    }
}

/// An engine with the platform `internal`, on which all of these may be called.
pub(crate) fn with_tools(
    store: &TestStore,
    provider: &ScriptedProvider,
    tools: impl IntoIterator<Item = TestTool>,
) -> EngineBuilder {
    let (mut builder, mut names) = (Engine::builder(), Vec::new());
    for tool in tools {
        names.push(tool.name);
        builder = builder.tool(tool);
    }
    builder
        .platform(Platform::private("internal").models(["test/one"]).max_history(200).tools(names))
        .shared_store(Arc::clone(&store.store))
        .ai(provider.clone())
}

/// Messages as one line each: `role text`, and what they call or whose result they are.
pub(crate) fn lines<'a>(messages: impl IntoIterator<Item = &'a Arc<Message>>) -> Vec<String> {
    let line = |message: &Arc<Message>| {
        let mut line = format!("{} {}", message.role.as_str(), message.text);
        for call in &message.tool_calls {
            line = format!("{line} [{} {} {}]", call.id, call.name, call.arguments);
        }
        if let Some(id) = &message.tool_call_id {
            line = format!("{line} [{id}]");
        }
        line
    };
    messages.into_iter().map(line).collect()
}

/// What the model was told with the last request: the results after the last message that is none.
pub(crate) fn results(request: &ChatRequest) -> Vec<String> {
    let results = request.messages.iter().rev().take_while(|message| message.role == Role::Tool);
    let mut results: Vec<_> = results.map(|message| message.text.to_string()).collect();
    results.reverse();
    results
}

/// The conversation of a session as the store has it.
pub(crate) async fn conversation(engine: &Engine, session: &SessionKey) -> Vec<String> {
    let page = MessagePage { before: None, limit: 1_000 };
    let stored = engine.sessions().messages(session, page).await.unwrap();
    lines(stored.iter().rev().map(|stored| &stored.message))
}
