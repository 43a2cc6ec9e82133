use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::Timestamp;
use crate::id::TurnId;
use crate::platform::ModelInfo;
use crate::turn::StartedTurn;
use crate::turn::facts::{Spent, priced};
use crate::usage::TokenUsage;

/// A turn that has begun is lost if nobody renews it for so long. Renewed three times in it, one failure does no harm.
const LEASE: Duration = Duration::from_secs(30);

/// The turns that have begun and are answered here. Bounded by the places of the recorder.
#[derive(Clone, Debug, Default)]
pub struct RunningTurns(Arc<Mutex<HashMap<TurnId, Arc<Progress>>>>);

/// A turn as it began, and how far its answer has come.
#[derive(Debug)]
struct Progress {
    start: StartedTurn,
    begun: Instant,
    model: Arc<ModelInfo>,
    prompt_tokens: AtomicU64,
    completion_tokens: AtomicU64,
}

/// Keeps a turn among those that are renewed; until dropped.
#[derive(Debug)]
pub(super) struct RunningTurn {
    turns: RunningTurns,
    progress: Arc<Progress>,
}

impl RunningTurns {
    fn lock(&self) -> MutexGuard<'_, HashMap<TurnId, Arc<Progress>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a turn that began at `begun` and is answered by `model`.
    pub(super) fn add(&self, start: StartedTurn, begun: Instant, model: Arc<ModelInfo>) -> RunningTurn {
        let TokenUsage { prompt_tokens, completion_tokens, .. } = start.usage.tokens;
        let [prompt_tokens, completion_tokens] = [prompt_tokens, completion_tokens].map(AtomicU64::new);
        let progress = Arc::new(Progress { start, begun, model, prompt_tokens, completion_tokens });
        self.lock().insert(progress.start.turn_id, Arc::clone(&progress));
        RunningTurn { turns: self.clone(), progress }
    }

    /// Whether this turn is answered here.
    pub(super) fn has(&self, turn: TurnId) -> bool {
        self.lock().contains_key(&turn)
    }

    /// All of them with what they used so far, as they are to be renewed.
    pub(super) fn renewed(&self, now: Timestamp) -> Vec<StartedTurn> {
        let running: Vec<_> = self.lock().values().cloned().collect();
        running.into_iter().map(|progress| progress.renewed(now)).collect()
    }
}

/// When the lease of a turn that is renewed at `now` is over.
pub(super) fn lease_until(now: Timestamp) -> Timestamp {
    now.plus(LEASE)
}

impl Progress {
    fn renewed(&self, now: Timestamp) -> StartedTurn {
        let mut turn = self.start.clone();
        let mut tokens = turn.usage.tokens;
        tokens.prompt_tokens = self.prompt_tokens.load(Ordering::Relaxed);
        tokens.completion_tokens = self.completion_tokens.load(Ordering::Relaxed);
        (turn.usage.tokens, turn.usage.cost) = priced(&[Spent { model: Arc::clone(&self.model), tokens }]);
        (turn.usage.response_time, turn.usage.created_at) = (self.begun.elapsed(), now);
        turn.lease_until = lease_until(now);
        turn
    }
}

impl RunningTurn {
    /// Notes about how many tokens the turn has used so far.
    pub(super) fn note(&self, tokens: TokenUsage) {
        self.progress.prompt_tokens.store(tokens.prompt_tokens, Ordering::Relaxed);
        self.progress.completion_tokens.store(tokens.completion_tokens, Ordering::Relaxed);
    }
}

impl Drop for RunningTurn {
    fn drop(&mut self) {
        self.turns.lock().remove(&self.progress.start.turn_id);
    }
}
