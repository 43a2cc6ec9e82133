//! Answers that take long to find, remembered for a moment.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::error::Result;

/// For how long.
pub(super) const REMEMBERED: Duration = Duration::from_secs(5);

/// Answers that took long to find, and when each was found; what is quickly found is found anew for every question.
/// Cheap to clone.
pub(super) struct Remembered<Q, A> {
    known: Arc<Mutex<HashMap<Q, (Timestamp, A)>>>,
    finding: Arc<tokio::sync::Mutex<()>>,
    took_long: fn(&A) -> bool,
    is_one_at_a_time: bool,
}

impl<Q, A> Remembered<Q, A> {
    /// Remembers the answers of which `took_long` says so. These are found by one caller at a time, whose answer serves
    /// the others; nobody waits for another where the last answer was quickly found.
    pub(super) fn new(took_long: fn(&A) -> bool) -> Self {
        Self { known: Arc::default(), finding: Arc::default(), took_long, is_one_at_a_time: false }
    }

    /// The same, but answers are always found by one caller at a time.
    pub(super) fn one_at_a_time(self) -> Self {
        Self { is_one_at_a_time: true, ..self }
    }
}

impl<Q: Clone + Eq + Hash, A: Clone> Remembered<Q, A> {
    /// The answer to `question`: one that is remembered, else what `find` finds.
    pub(super) async fn answer(
        &self,
        question: Q,
        clock: &dyn Clock,
        find: impl Future<Output = Result<A>>,
    ) -> Result<A> {
        if let Some(answer) = self.remembered(&question, clock) {
            return Ok(answer);
        }
        let is_long = self.lock().contains_key(&question);
        let _turn = if is_long || self.is_one_at_a_time { Some(self.finding.lock().await) } else { None };
        if let Some(answer) = self.remembered(&question, clock) {
            return Ok(answer);
        }
        let answer = find.await?;
        if (self.took_long)(&answer) {
            self.lock().insert(question, (clock.now(), answer.clone()));
        } else if is_long {
            self.lock().remove(&question);
        }
        Ok(answer)
    }

    fn remembered(&self, question: &Q, clock: &dyn Clock) -> Option<A> {
        let now = clock.now();
        self.lock().get(question).filter(|(at, _)| now.since(*at) < REMEMBERED).map(|(_, answer)| answer.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Q, (Timestamp, A)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Q, A> Clone for Remembered<Q, A> {
    fn clone(&self) -> Self {
        let (known, finding) = (Arc::clone(&self.known), Arc::clone(&self.finding));
        Self { known, finding, took_long: self.took_long, is_one_at_a_time: self.is_one_at_a_time }
    }
}

impl<Q, A> fmt::Debug for Remembered<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered").finish_non_exhaustive()
    }
}
