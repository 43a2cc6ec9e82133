//! Answers that take long to find, remembered for a moment.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::error::{Error, Result};

/// For how long.
pub(super) const REMEMBERED: Duration = Duration::from_secs(5);

/// Longest wait for whoever finds the answer: while the store is away, callers do not queue up behind each other.
const PATIENCE: Duration = Duration::from_secs(5);

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
    ///
    /// # Errors
    /// Those of `find`; [`Unavailable`](crate::ErrorKind::Unavailable) when others took too long to find it.
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
        let _turn = if is_long || self.is_one_at_a_time { Some(self.turn().await?) } else { None };
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

    async fn turn(&self) -> Result<tokio::sync::MutexGuard<'_, ()>> {
        let turn = tokio::time::timeout(PATIENCE, self.finding.lock());
        turn.await.map_err(|_| Error::unavailable("storage is busy"))
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

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;
    use crate::error::ErrorKind;
    use crate::testing::ManualClock;

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever_for_whoever_finds_the_answer() {
        let clock = ManualClock::new(Timestamp::from_millis(0));
        let answers = Remembered::<(), u64>::new(|_| false).one_at_a_time();
        let mut stuck = Box::pin(answers.answer((), &clock, pending()));
        assert!(futures_util::poll!(stuck.as_mut()).is_pending());
        let waiting = answers.answer((), &clock, ready(Ok(1)));
        assert_eq!(waiting.await.unwrap_err().kind(), ErrorKind::Unavailable);
        // Who goes away leaves the way free.
        drop(stuck);
        assert_eq!(answers.answer((), &clock, ready(Ok(1))).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_failure_is_not_remembered() {
        let clock = ManualClock::new(Timestamp::from_millis(0));
        let answers = Remembered::<(), u64>::new(|_| true);
        let failing = answers.answer((), &clock, ready(Err(Error::unavailable("storage is away"))));
        assert!(failing.await.is_err());
        assert_eq!(answers.answer((), &clock, ready(Ok(1))).await.unwrap(), 1);
        assert_eq!(answers.answer((), &clock, ready(Ok(2))).await.unwrap(), 1);
    }
}
