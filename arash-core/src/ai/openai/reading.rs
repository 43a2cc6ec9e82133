use std::collections::HashSet;

use crate::ai::openai::failure;
use crate::ai::openai::form::{Body, Choice, object};
use crate::ai::openai::tool_calls::ToolCalls;
use crate::ai::openai::unsaid::Unsaid;
use crate::ai::upstream::{is_model_name, malformed};
use crate::ai::{AiError, ChatDelta, ChatRequest, FinishReason, WireRequest, estimate_tokens};
use crate::message::ToolCall;
use crate::platform::ModelId;

/// Reads an answer, which comes as one object or as many chunks of nearly the same form.
#[derive(Debug)]
pub(super) struct Reading {
    asked: ModelId,
    is_on_wire: bool,
    /// What was heard before, until it is told.
    heard: Vec<String>,
    calls: ToolCalls,
    unsaid: Unsaid,
    has_choices: bool,
    has_ended: bool,
    /// How many answers were asked for, and which of them have ended.
    asked_answers: usize,
    ended: HashSet<i64>,
    /// The model that answers, until that is told: with the first piece of the answer, never before it.
    model: Option<ModelId>,
    is_model_known: bool,
}

impl Reading {
    pub(super) fn new(request: &ChatRequest, heard: Vec<String>) -> Self {
        Self {
            asked: request.model.clone(),
            is_on_wire: request.wire.is_some(),
            heard,
            calls: ToolCalls::default(),
            unsaid: Unsaid::default(),
            has_choices: false,
            has_ended: false,
            asked_answers: request.wire.as_deref().map_or(1, asked_answers),
            ended: HashSet::new(),
            model: None,
            is_model_known: false,
        }
    }

    /// Whether there was any answer in what was read.
    pub(super) fn has_choices(&self) -> bool {
        self.has_choices
    }

    /// Whether the model said that it has stopped.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Whether nothing more can come but the count of the tokens.
    pub(super) fn is_over(&self) -> bool {
        self.has_ended && self.ended.len() >= self.asked_answers
    }

    /// Reads the next object; gives what it tells.
    pub(super) fn read(&mut self, json: String) -> Result<Vec<ChatDelta>, AiError> {
        // serde would take an array for the fields in their order.
        if !json.trim_start().starts_with('{') {
            return Err(malformed("the answer is not a JSON object"));
        }
        // The fault's own text may quote the answer; its place does not.
        let body: Body = serde_json::from_str(&json).map_err(|fault| {
            malformed(format!("the answer is not as agreed at line {}, column {}", fault.line(), fault.column()))
        })?;
        if let Some(error) = body.error() {
            return Err(failure::of_object(&error));
        }
        if body.is_error() {
            return Err(failure::of_object(&object(&json)));
        }
        let mut deltas = Vec::new();
        if self.is_on_wire {
            deltas.push(ChatDelta::Wire(json));
        }
        let (usage, model) = (body.usage(), body.model().filter(|name| is_model_name(name)));
        if let Some(model) = model.filter(|_| !std::mem::replace(&mut self.is_model_known, true)) {
            self.model = Some(ModelId::from(model)).filter(|model| *model != self.asked);
        }
        for choice in body.choices.unwrap_or_default().0 {
            self.has_choices = true;
            if choice.finish_reason.as_deref().is_some_and(|reason| !reason.is_empty()) {
                self.ended.insert(choice.index.unwrap_or(0));
            }
            if choice.index.unwrap_or(0) == 0 {
                self.read_choice(choice, &mut deltas)?;
            } else {
                self.count_choice(choice);
            }
        }
        deltas.extend(self.unsaid.tell());
        if let Some(usage) = usage {
            deltas.push(ChatDelta::Usage(usage));
        }
        if let Some(model) = self.model.take_if(|_| !deltas.is_empty()) {
            deltas.insert(0, ChatDelta::Model(model));
        }
        if !deltas.is_empty() {
            deltas.splice(0..0, self.heard.drain(..).map(ChatDelta::Heard));
        }
        Ok(deltas)
    }

    fn read_choice(&mut self, mut choice: Choice, deltas: &mut Vec<ChatDelta>) -> Result<(), AiError> {
        if let Some(said) = choice.said() {
            self.unsaid.add(said.thought_tokens());
            let text = said.text().map_err(|_| malformed("the text is no text"))?;
            if !text.is_empty() {
                deltas.push(ChatDelta::Text(text));
            }
            for piece in said.tool_calls.unwrap_or_default().0 {
                // On the wire the client has them piece by piece.
                if self.is_on_wire {
                    self.unsaid.add_of_calls(piece.tokens());
                }
                self.calls.add(piece)?;
            }
        }
        let reason = choice.finish_reason.filter(|reason| !reason.is_empty());
        if let Some(reason) = reason.as_deref().filter(|_| !self.has_ended).map(FinishReason::from_name) {
            self.has_ended = true;
            let is_cut = matches!(reason, FinishReason::Length | FinishReason::ContentFilter);
            deltas.extend(self.take_calls(is_cut).map(ChatDelta::ToolCall));
            deltas.push(ChatDelta::Finish(reason));
        }
        Ok(())
    }

    /// Counts one of the further answers that only a client's own request asks for: it gets them as they came.
    fn count_choice(&mut self, mut choice: Choice) {
        let Some(said) = choice.said().filter(|_| self.is_on_wire) else { return };
        self.unsaid.add(said.thought_tokens() + said.text().map_or(0, |text| estimate_tokens(&text)));
        for piece in said.tool_calls.unwrap_or_default().0 {
            self.unsaid.add(piece.tokens());
        }
    }

    fn take_calls(&mut self, is_cut: bool) -> impl Iterator<Item = ToolCall> + use<> {
        let calls: Vec<_> = self.calls.take(is_cut).collect();
        self.unsaid.tell_calls(&calls, is_cut);
        calls.into_iter()
    }

    /// What is left when nothing more comes.
    pub(super) fn end(&mut self) -> impl Iterator<Item = ChatDelta> + use<> {
        let calls = self.take_calls(false).map(ChatDelta::ToolCall);
        calls.chain(self.unsaid.tell())
    }
}

/// How many answers a client asks for; more than can come where that is not known.
fn asked_answers(wire: &WireRequest) -> usize {
    match wire.get("n") {
        None | Some("null") => 1,
        Some(number) => number.parse().unwrap_or(usize::MAX),
    }
}
