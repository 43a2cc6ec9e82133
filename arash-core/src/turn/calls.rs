use std::sync::Arc;

use futures_util::future::FusedFuture;
use futures_util::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use crate::ai::estimate_message;
use crate::command::Text;
use crate::message::ToolCall;
use crate::tool::{ToolContext, ToolLimits, ToolOutcome, Toolbox};
use crate::turn::admit::Turn;
use crate::turn::begin::Refusal;
use crate::turn::exchange::Exchange;
use crate::turn::facts::TurnFacts;
use crate::turn::processor::ProcessorParts;
use crate::turn::telling::Telling;
use crate::turn::window::context_window;

/// Most that a result takes beside its text, in tokens: its role and the id of its call.
const RESULT_TOKENS: u64 = 264;

impl ProcessorParts {
    /// The tools that the model may call in this turn.
    pub(super) fn toolbox(&self, facts: &TurnFacts) -> Toolbox {
        self.toolboxes.get(facts.platform.name()).cloned().unwrap_or_default()
    }

    /// Runs what the model has called, some at the same time; the results are in `exchange`, in the order of the calls.
    pub(super) async fn run_calls<F: FusedFuture<Output = Result<(), Refusal>>>(
        &self,
        turn: &Turn,
        exchange: &mut Exchange,
        telling: &mut Telling<'_, F>,
    ) -> Result<(), Refusal> {
        let (toolbox, finish) = (&self.toolbox(&turn.facts), exchange.reply.finish.clone());
        let runnable = self.tool_limits.max_calls.saturating_sub(exchange.calls());
        let calls = exchange.begin_calls(self.clock.now());
        telling.pause(self.notices(&turn.facts, toolbox, calls.iter().take(runnable).map(|(_, call)| call)));
        let limits = &self.limits_of(turn, exchange, calls.len());
        let finish = finish.as_ref();
        let running = calls.into_iter().enumerate().map(|(place, (id, call))| async move {
            let outcome = if place < runnable {
                toolbox.call(&call, finish, context(&turn.facts, id), limits).await
            } else {
                let most = limits.max_calls;
                ToolOutcome::failed("too_many", &format!("it was not run: at most {most} calls are, for one message"))
            };
            (place, outcome)
        });
        let mut outcomes = stream::iter(running).buffer_unordered(limits.max_concurrent.max(1));
        while let Some((place, outcome)) = telling.beside(outcomes.next()).await? {
            exchange.take_result(place, &outcome.text, self.clock.now());
        }
        drop(outcomes);
        exchange.end_calls("Error: there is no result", self.clock.now());
        Ok(())
    }

    /// What the user is told of tools that run: each once.
    fn notices<'a>(
        &self,
        facts: &TurnFacts,
        toolbox: &Toolbox,
        calls: impl Iterator<Item = &'a ToolCall>,
    ) -> Vec<String> {
        let mut names: Vec<&str> = Vec::new();
        for call in calls {
            if toolbox.has(&call.name) && !names.contains(&call.name.as_str()) {
                names.push(&call.name);
            }
        }
        let locale = facts.message.locale.as_deref();
        names.into_iter().map(|name| self.texts.say(&Text::ToolRuns { name }, locale)).collect()
    }

    /// What tools may take of what the model's context window leaves: the results of one answer fit into it together.
    fn limits_of(&self, turn: &Turn, exchange: &Exchange, calls: usize) -> ToolLimits {
        let mut limits = self.tool_limits;
        let request = self.empty_request(&turn.facts, &turn.model);
        if let Some(tokens) = context_window(&turn.facts.platform, &turn.model, &request).tokens {
            let said = exchange.said().first().map(|message| estimate_message(message));
            let taken = said.unwrap_or(0) + exchange.calling().map_or(0, estimate_message);
            // No token is shorter than a byte.
            let each = tokens.saturating_sub(taken) / calls.max(1) as u64;
            let each = usize::try_from(each.saturating_sub(RESULT_TOKENS)).unwrap_or(usize::MAX);
            limits.max_result_bytes = limits.max_result_bytes.min(each);
        }
        limits
    }
}

fn context(facts: &TurnFacts, call_id: String) -> ToolContext {
    ToolContext {
        turn_id: facts.id,
        call_id,
        platform: Arc::clone(&facts.platform),
        principal: facts.principal.as_ref().map(Arc::clone),
        user_id: facts.message.user_id.as_str().into(),
        chat_id: facts.message.chat_id.as_str().into(),
        locale: facts.message.locale.as_deref().map(Into::into),
        cancellation: CancellationToken::new(),
    }
}
