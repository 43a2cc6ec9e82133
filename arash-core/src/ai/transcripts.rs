use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::usage::TokenUsage;

/// What was said in the sound that is attached to a question, as far as it is written down, and the tokens of that.
///
/// Clones share it, so that who asks again, or asks another model instead, has no sound written down twice; and what that
/// cost is known even when there is no answer.
#[derive(Clone, Default)]
pub struct Transcripts(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    texts: Vec<String>,
    usage: TokenUsage,
}

impl Transcripts {
    /// Adds what was said in the next sound, and the tokens of writing it down.
    pub fn push(&self, text: impl Into<String>, usage: TokenUsage) {
        let mut state = self.lock();
        state.texts.push(text.into());
        state.usage = state.usage + usage;
    }

    /// What was said, one text for each sound, in their order.
    pub fn texts(&self) -> Vec<String> {
        self.lock().texts.clone()
    }

    /// The tokens of all of them; they are no part of what is told with an answer.
    pub fn usage(&self) -> TokenUsage {
        self.lock().usage
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Transcripts {
    /// What people say stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Transcripts").field("texts", &state.texts.len()).field("usage", &state.usage).finish()
    }
}
