use crate::ai::{ChatDelta, ToolCall, estimate_tokens};

/// Counts, by estimate, what of an answer no other piece holds.
#[derive(Debug, Default)]
pub(super) struct Unsaid {
    tokens: u64,
    /// Of calls that are not told yet.
    of_calls: u64,
    told: u64,
}

impl Unsaid {
    /// So many more have come.
    pub(super) fn add(&mut self, tokens: u64) {
        self.tokens += tokens;
    }

    /// So many more have come of calls, which are told when they are whole.
    pub(super) fn add_of_calls(&mut self, tokens: u64) {
        self.of_calls += tokens;
    }

    /// These calls are told; where the answer was cut short, others never will be.
    pub(super) fn tell_calls(&mut self, calls: &[ToolCall], is_cut: bool) {
        let told = calls.iter().map(|call| estimate_tokens(&call.name) + estimate_tokens(&call.arguments)).sum();
        let left = std::mem::take(&mut self.of_calls).saturating_sub(told);
        self.tokens += if is_cut { left } else { 0 };
    }

    /// The count, if it is another one than was told last.
    pub(super) fn tell(&mut self) -> Option<ChatDelta> {
        let count = self.tokens + self.of_calls;
        (std::mem::replace(&mut self.told, count) != count).then_some(ChatDelta::Unsaid(count))
    }
}
