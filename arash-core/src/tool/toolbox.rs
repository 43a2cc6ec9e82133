use std::fmt;
use std::sync::Arc;

use crate::ai::{FinishReason, ToolSpec};
use crate::message::ToolCall;
use crate::metrics::ToolRun;
use crate::tool::outcome::read_arguments;
use crate::tool::registry::RegisteredTool;
use crate::tool::{Contained, ToolContext, ToolLimits, ToolOutcome};

/// Longest part of a name that nobody knows, as it is told, in characters.
const MAX_TOLD_NAME: usize = 64;

/// The tools that models may call on one platform. Cheap to clone.
#[derive(Clone, Default)]
pub struct Toolbox {
    tools: Arc<[Arc<RegisteredTool>]>,
    specs: Arc<[ToolSpec]>,
}

impl fmt::Debug for Toolbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.specs.iter().map(|spec| &spec.name)).finish()
    }
}

impl Toolbox {
    pub(super) fn new(tools: Vec<Arc<RegisteredTool>>) -> Self {
        Self { specs: tools.iter().map(|registered| registered.spec.clone()).collect(), tools: tools.into() }
    }

    /// What the model is told of them, in the platform's order.
    pub fn specs(&self) -> &Arc<[ToolSpec]> {
        &self.specs
    }

    fn find(&self, name: &str) -> Option<&RegisteredTool> {
        self.tools.iter().find(|registered| registered.spec.name == name).map(AsRef::as_ref)
    }

    /// Whether there is a tool of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Does what the model asks for with `call`, the last thing that it wrote before it stopped for the reason `finish`.
    /// Whatever goes wrong is an outcome too. Dropping this drops the tool.
    pub(crate) async fn call(
        &self,
        call: &ToolCall,
        finish: Option<&FinishReason>,
        context: ToolContext,
        limits: &ToolLimits,
    ) -> ToolOutcome {
        let Some(registered) = self.find(&call.name) else {
            return self.no_such_tool(&call.name).within(limits.max_result_bytes);
        };
        let run = ToolRun::begin(&registered.spec.name);
        let outcome = registered.call(call, finish, context, limits).await.within(limits.max_result_bytes);
        run.end(outcome.state);
        outcome
    }

    fn no_such_tool(&self, name: &str) -> ToolOutcome {
        let name: String = name.chars().take(MAX_TOLD_NAME).collect();
        let names: Vec<_> = self.specs.iter().map(|spec| spec.name.as_str()).collect();
        let known = if names.is_empty() { "no tools".to_owned() } else { format!("only {}", names.join(", ")) };
        ToolOutcome::failed("unknown", &format!("there is no tool {name:?}; there are {known}"))
    }
}

impl RegisteredTool {
    async fn call(
        &self,
        call: &ToolCall,
        finish: Option<&FinishReason>,
        context: ToolContext,
        limits: &ToolLimits,
    ) -> ToolOutcome {
        let (name, turn_id) = (&self.spec.name, context.turn_id);
        let _cancelled_at_the_end = context.cancellation.clone().drop_guard();
        let running = Contained::new(self.run(call, finish, context));
        match tokio::time::timeout(limits.timeout, running).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => {
                tracing::error!(%turn_id, tool = name, "a tool panicked");
                ToolOutcome::failed("panicked", "the tool broke")
            }
            Err(_) => {
                let seconds = limits.timeout.as_secs_f64();
                tracing::warn!(%turn_id, tool = name, seconds, "a tool took too long and was dropped");
                ToolOutcome::failed("timeout", &format!("the tool did not answer within {seconds} seconds"))
            }
        }
    }

    /// Checks what the model wrote, and runs the tool with it.
    async fn run(&self, call: &ToolCall, finish: Option<&FinishReason>, context: ToolContext) -> ToolOutcome {
        let arguments = match read_arguments(&call.arguments) {
            Ok(arguments) => arguments,
            Err(fault) if finish == Some(&FinishReason::Length) => {
                let why = format!("the answer ran into its limit of tokens before the arguments were whole ({fault})");
                return ToolOutcome::failed("invalid", &why);
            }
            Err(fault) => return ToolOutcome::failed("invalid", &fault),
        };
        if let Err(fault) = self.schema.check(&arguments) {
            return ToolOutcome::failed("invalid", &format!("the arguments are not as the schema says: {fault}"));
        }
        match self.tool.run(arguments, context).await {
            Ok(text) => ToolOutcome { text, state: "ok" },
            Err(error) => ToolOutcome::failed("failed", &error.to_string()),
        }
    }
}
