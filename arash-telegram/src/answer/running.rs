use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use arash_core::id::TurnId;

use crate::incoming::Lane;

/// The answers that are being written, by their lanes: what can be stopped.
#[derive(Debug, Default)]
pub(crate) struct Running {
    turns: Mutex<HashMap<Lane, TurnId>>,
}

/// As long as this lives, the answer can be stopped.
pub(crate) struct RunningTurn<'a> {
    running: &'a Running,
    lane: Lane,
}

impl Drop for RunningTurn<'_> {
    fn drop(&mut self) {
        self.running.with(|turns| turns.remove(&self.lane));
    }
}

impl Running {
    /// The answer of this lane is being written now. A lane writes one at a time.
    pub(crate) fn enter(&self, lane: Lane, turn: TurnId) -> RunningTurn<'_> {
        self.with(|turns| turns.insert(lane, turn));
        RunningTurn { running: self, lane }
    }

    /// The turn that writes in this lane.
    pub(crate) fn get(&self, lane: Lane) -> Option<TurnId> {
        self.with(|turns| turns.get(&lane).copied())
    }

    fn with<R>(&self, act: impl FnOnce(&mut HashMap<Lane, TurnId>) -> R) -> R {
        act(&mut self.turns.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
