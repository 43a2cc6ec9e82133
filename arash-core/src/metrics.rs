//! What is counted and timed while messages are answered, told to the recorder of the crate `metrics`. Without one
//! nothing is kept.
//!
//! Labels are kinds, states, reasons, platforms, models and tools: few values each. No label is an id of anything.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use metrics::{SharedString, Unit, counter, describe_counter, describe_histogram, histogram};

/// Most names of platforms, models and tools that get a label of their own.
const MAX_NAMES: usize = 512;

/// Tells the recorder what each of these is. To be called once, when there is a recorder.
pub fn describe() {
    describe_counter!("arash_turns_total", "Turns recorded, by kind, state and platform.");
    describe_histogram!(
        "arash_turn_duration_seconds",
        Unit::Seconds,
        "From a message's arrival to its answer, by kind."
    );
    describe_counter!("arash_tokens_total", "Tokens of recorded turns, by model and direction.");
    describe_counter!("arash_cost_micros_total", "Cost of recorded turns in millionths of a US dollar, by model.");
    describe_counter!("arash_refused_messages_total", "Messages refused at the door, by reason and platform.");
    describe_counter!("arash_provider_calls_total", "Calls of the AI provider, by model and outcome.");
    describe_histogram!(
        "arash_provider_call_duration_seconds",
        Unit::Seconds,
        "From asking the AI provider to the end of its answer, by model."
    );
    describe_histogram!(
        "arash_provider_first_text_seconds",
        Unit::Seconds,
        "From asking the AI provider to the first piece of its answer, by model."
    );
    describe_counter!("arash_tool_calls_total", "Calls of tools by models, by tool and outcome.");
    describe_histogram!("arash_tool_duration_seconds", Unit::Seconds, "How long calls of tools took, by tool.");
    describe_counter!("arash_webhook_attempts_total", "Attempts to deliver webhook events, by outcome.");
    describe_histogram!(
        "arash_webhook_attempt_duration_seconds",
        Unit::Seconds,
        "How long attempts to deliver webhook events took, by outcome."
    );
    describe_histogram!(
        "arash_webhook_delay_seconds",
        Unit::Seconds,
        "From a webhook event that was delivered at its first attempt to the moment that it was."
    );
    describe_histogram!("arash_recorder_batch_turns", "Turns written in one transaction, by what was written of them.");
    describe_histogram!(
        "arash_recorder_write_duration_seconds",
        Unit::Seconds,
        "How long writing a batch took, by what was written of its turns."
    );
}

/// A turn that is durable.
pub(crate) struct RecordedTurn<'a> {
    pub(crate) kind: &'static str,
    pub(crate) state: &'static str,
    pub(crate) platform: &'a str,
    /// `None` for a command.
    pub(crate) model: Option<&'a str>,
    pub(crate) prompt_tokens: u64,
    pub(crate) completion_tokens: u64,
    pub(crate) cost_micros: i64,
    pub(crate) duration: Duration,
}

/// A turn was recorded.
pub(crate) fn turn_recorded(turn: &RecordedTurn<'_>) {
    let RecordedTurn { kind, state, .. } = *turn;
    counter!("arash_turns_total", "kind" => kind, "state" => state, "platform" => name(turn.platform)).increment(1);
    histogram!("arash_turn_duration_seconds", "kind" => kind).record(turn.duration);
    let Some(model) = turn.model.map(name) else { return };
    let tokens = |direction| counter!("arash_tokens_total", "model" => model.clone(), "direction" => direction);
    tokens("prompt").increment(turn.prompt_tokens);
    tokens("completion").increment(turn.completion_tokens);
    counter!("arash_cost_micros_total", "model" => model).increment(turn.cost_micros.unsigned_abs());
}

/// A message on `platform` was refused at the door; `reason` is the code of its error.
pub(crate) fn message_refused(reason: &'static str, platform: &str) {
    counter!("arash_refused_messages_total", "reason" => reason, "platform" => name(platform)).increment(1);
}

/// So many turns were written at once, well or not; `what` of them: their `begin` or their `end`.
pub(crate) fn batch_written(what: &'static str, turns: usize, took: Duration) {
    histogram!("arash_recorder_batch_turns", "what" => what).record(turns as f64);
    histogram!("arash_recorder_write_duration_seconds", "what" => what).record(took);
}

/// A call of the provider. One that is dropped before its end was interrupted.
pub(crate) struct ProviderCall {
    model: SharedString,
    begun: Instant,
    has_text: bool,
    outcome: &'static str,
}

impl ProviderCall {
    /// The provider is asked for an answer by `model`.
    pub(crate) fn begin(model: &str) -> Self {
        Self { model: name(model), begun: Instant::now(), has_text: false, outcome: "interrupted" }
    }

    /// Text of the answer came.
    pub(crate) fn note_text(&mut self) {
        if !self.has_text {
            self.has_text = true;
            histogram!("arash_provider_first_text_seconds", "model" => self.model.clone()).record(self.begun.elapsed());
        }
    }

    /// The answer came to its end: `ok`, or how it failed.
    pub(crate) fn end(mut self, outcome: &'static str) {
        self.outcome = outcome;
    }
}

impl Drop for ProviderCall {
    fn drop(&mut self) {
        let (model, outcome) = (self.model.clone(), self.outcome);
        histogram!("arash_provider_call_duration_seconds", "model" => model.clone()).record(self.begun.elapsed());
        counter!("arash_provider_calls_total", "model" => model, "outcome" => outcome).increment(1);
    }
}

/// A tool that a model called. One that is dropped before its end was interrupted.
pub(crate) struct ToolRun {
    tool: SharedString,
    begun: Instant,
    outcome: &'static str,
}

impl ToolRun {
    /// The registered tool `tool` begins to run.
    pub(crate) fn begin(tool: &str) -> Self {
        Self { tool: name(tool), begun: Instant::now(), outcome: "interrupted" }
    }

    /// It came to its end: `ok`, or why there is no result.
    pub(crate) fn end(mut self, outcome: &'static str) {
        self.outcome = outcome;
    }
}

impl Drop for ToolRun {
    fn drop(&mut self) {
        let (tool, outcome) = (self.tool.clone(), self.outcome);
        histogram!("arash_tool_duration_seconds", "tool" => tool.clone()).record(self.begun.elapsed());
        counter!("arash_tool_calls_total", "tool" => tool, "outcome" => outcome).increment(1);
    }
}

/// An attempt to deliver an event ended: `delivered`, or how it failed.
pub(crate) fn event_sent(outcome: &'static str, took: Duration) {
    counter!("arash_webhook_attempts_total", "outcome" => outcome).increment(1);
    histogram!("arash_webhook_attempt_duration_seconds", "outcome" => outcome).record(took);
}

/// An event was delivered at its first attempt, so long after it happened.
pub(crate) fn event_delivered(delay: Duration) {
    histogram!("arash_webhook_delay_seconds").record(delay);
}

/// The name of a platform, a model or a tool as a label, which shares its text with all others of this name. They come from
/// the configuration, so they are few; were they many after all, the later ones are `other`.
fn name(name: &str) -> SharedString {
    static NAMES: LazyLock<RwLock<HashSet<Arc<str>>>> = LazyLock::new(RwLock::default);
    if let Some(known) = NAMES.read().unwrap_or_else(PoisonError::into_inner).get(name) {
        return Arc::clone(known).into();
    }
    let mut names = NAMES.write().unwrap_or_else(PoisonError::into_inner);
    if names.len() >= MAX_NAMES {
        return SharedString::const_str("other");
    }
    let new: Arc<str> = name.into();
    names.insert(Arc::clone(&new));
    new.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_names_are_one() {
        for number in 0..2 * MAX_NAMES {
            name(&format!("model-{number}"));
        }
        assert_eq!(&*name("model-0"), "model-0");
        assert_eq!(&*name("yet another"), "other");
    }
}
