use std::sync::Arc;

use crate::ai::{ChatRequest, estimate_message};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::message::{Message, Role};
use crate::platform::{Capability, ModelInfo, Platform};
use crate::session::{ContextWindow, History};
use crate::turn::facts::TurnFacts;
use crate::turn::processor::ProcessorParts;

/// What is left free of a model's context window for its answer, in tokens; at most a quarter of the window.
const ANSWER_TOKENS: u64 = 4_096;

impl ProcessorParts {
    /// What the provider is asked, without any message.
    pub(super) fn empty_request(&self, facts: &TurnFacts, model: &ModelInfo) -> ChatRequest {
        let offers_tools = model.supports(Capability::Tools);
        let tools = if offers_tools { Arc::clone(self.toolbox(facts).specs()) } else { Arc::default() };
        ChatRequest { tools, ..bare_request(facts, model) }
    }

    /// Checks that the new message by itself fits into the model's context window.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with the limit.
    pub(super) fn check_window(&self, facts: &TurnFacts, model: &ModelInfo) -> Result<()> {
        let Some(window) = model.context_window else { return Ok(()) };
        let request = self.empty_request(facts, model);
        let message = Message::new(Role::User, facts.message.text.as_str(), Timestamp::default()).into();
        let window_left = context_window(&facts.platform, model, &request);
        let context = window_left.context(&History::default(), &[message], estimate_message);
        context.map(drop).map_err(|overflow| {
            let needed = overflow.needed + request.estimate_tokens();
            let (limit, model) = (tokens_for_prompt(window), &model.id);
            let text = format!("takes about {needed} tokens with what belongs to it; {model} accepts at most {limit}");
            Error::invalid("text", text)
        })
    }
}

/// What is asked of `model` for a turn, without messages and tools.
pub(super) fn bare_request(facts: &TurnFacts, model: &ModelInfo) -> ChatRequest {
    ChatRequest {
        turn_id: facts.id,
        attachments: facts.message.attachments.clone(),
        allowed_models: facts.principal.as_ref().and_then(|principal| principal.allowed_models()),
        ..ChatRequest::new(model.id.clone(), Vec::new())
    }
}

/// What of a conversation on `platform` may be sent to `model` beside all else that `request` has.
pub(super) fn context_window(platform: &Platform, model: &ModelInfo, request: &ChatRequest) -> ContextWindow {
    let left = |window| tokens_for_prompt(window).saturating_sub(request.estimate_tokens());
    ContextWindow { messages: platform.history_limit(), tokens: model.context_window.map(left) }
}

fn tokens_for_prompt(window: u32) -> u64 {
    let window = u64::from(window);
    window - ANSWER_TOKENS.min(window / 4)
}
