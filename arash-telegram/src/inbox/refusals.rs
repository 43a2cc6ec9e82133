use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is asked of storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asked {
    Receive,
    Claim,
    Renew,
    Finish,
}

impl Asked {
    /// What does not happen while storage refuses it, for an operator.
    fn missing(self) -> &'static str {
        match self {
            Self::Receive => "what Telegram sends is not stored",
            Self::Claim => "updates that wait are not taken up",
            Self::Renew => "updates in work are not kept from others",
            Self::Finish => "answered updates are not marked as done",
        }
    }
}

/// What storage refuses at present: each thing until it is done once.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<BTreeSet<Asked>>);

impl Refusals {
    /// This came of asking; whether it was done.
    pub(super) fn note(&self, asked: Asked, is_done: bool) {
        if is_done {
            self.lock().remove(&asked)
        } else {
            self.lock().insert(asked)
        };
    }

    /// All of it in a sentence; nothing if nothing is refused.
    pub(super) fn sentence(&self) -> Option<String> {
        let refused = self.lock();
        let missing: Vec<_> = refused.iter().map(|asked| asked.missing()).collect();
        (!missing.is_empty()).then(|| format!("storage cannot be used: {}", missing.join(", ")))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Asked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
