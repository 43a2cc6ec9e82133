//! How many sessions are open: counted anew for every question, but where they are many, remembered for a moment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::error::Result;
use crate::id::TeamId;
use crate::session::{SessionCounts, SessionFilter, SessionStore};

/// From this many sessions on a count is remembered. To count fewer takes some milliseconds at most.
const MANY: u64 = 10_000;
/// For how long.
const REMEMBERED: Duration = Duration::from_secs(5);

/// A filter, and since when a session is active.
type Question = (Option<TeamId>, Option<String>, Duration);

/// The counts of many sessions, and when each was made. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    known: Arc<Mutex<HashMap<Question, (Timestamp, SessionCounts)>>>,
    counting: Arc<tokio::sync::Mutex<()>>,
}

impl Counts {
    /// How many sessions `store` has open, and how many of them had a turn within `active_within`.
    pub(super) async fn of(
        &self,
        filter: &SessionFilter,
        active_within: Duration,
        (store, clock): (&dyn SessionStore, &dyn Clock),
    ) -> Result<SessionCounts> {
        let question = (filter.team, filter.platform.clone(), active_within);
        if let Some(counts) = self.remembered(&question, clock) {
            return Ok(counts);
        }
        // Many sessions are counted by one caller at a time, whose count serves the others; few never wait for that.
        let is_many = self.lock().contains_key(&question);
        let _counting = if is_many { Some(self.counting.lock().await) } else { None };
        if let Some(counts) = self.remembered(&question, clock) {
            return Ok(counts);
        }
        let now = clock.now();
        let counts = store.count_sessions(filter, now.minus(active_within), now).await?;
        if counts.total >= MANY {
            self.lock().insert(question, (clock.now(), counts.clone()));
        } else if is_many {
            self.lock().remove(&question);
        }
        Ok(counts)
    }

    fn remembered(&self, question: &Question, clock: &dyn Clock) -> Option<SessionCounts> {
        let now = clock.now();
        self.lock().get(question).filter(|(at, _)| now.since(*at) < REMEMBERED).map(|(_, counts)| counts.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Question, (Timestamp, SessionCounts)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::session::{Session, SessionKey, SessionPage, SessionSummary};
    use crate::testing::ManualClock;

    /// A store that only counts, and counts how often it does.
    #[derive(Default)]
    struct Counting {
        total: AtomicU64,
        asked: AtomicU64,
    }

    #[async_trait]
    impl SessionStore for Counting {
        async fn load(&self, _: &SessionKey, _: usize, _: Timestamp) -> Result<Option<Session>> {
            unreachable!()
        }

        async fn sessions(&self, _: &SessionFilter, _: SessionPage, _: Timestamp) -> Result<Vec<SessionSummary>> {
            unreachable!()
        }

        async fn count_sessions(&self, _: &SessionFilter, _: Timestamp, _: Timestamp) -> Result<SessionCounts> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Ok(SessionCounts { total: self.total.load(Ordering::SeqCst), ..SessionCounts::default() })
        }

        async fn delete_session(&self, _: &SessionKey, _: Timestamp) -> Result<bool> {
            unreachable!()
        }

        async fn purge_expired(&self, _: Timestamp, _: u32) -> Result<u64> {
            unreachable!()
        }
    }

    #[tokio::test]
    async fn few_sessions_are_counted_anew_and_many_are_remembered_for_a_moment() {
        let (counts, store, clock) =
            (Counts::default(), Counting::default(), ManualClock::new(Timestamp::from_millis(0)));
        let filter = SessionFilter::default();
        let total = async || counts.of(&filter, Duration::ZERO, (&store, &clock)).await.unwrap().total;
        for few in [0, 1, MANY - 1] {
            store.total.store(few, Ordering::SeqCst);
            assert_eq!(total().await, few);
        }
        store.total.store(MANY, Ordering::SeqCst);
        assert_eq!(total().await, MANY);
        store.total.store(3, Ordering::SeqCst);
        assert_eq!(total().await, MANY, "it is remembered");
        let other = SessionFilter { team: Some(TeamId(7)), platform: None };
        assert_eq!(
            counts.of(&other, Duration::ZERO, (&store, &clock)).await.unwrap().total,
            3,
            "of others it says nothing"
        );
        clock.advance(REMEMBERED);
        assert_eq!(total().await, 3);
        store.total.store(4, Ordering::SeqCst);
        assert_eq!(total().await, 4, "few again");
    }

    #[tokio::test]
    async fn many_callers_of_a_large_count_share_one() {
        let (counts, store, clock) =
            (Counts::default(), Counting::default(), ManualClock::new(Timestamp::from_millis(0)));
        store.total.store(MANY, Ordering::SeqCst);
        let filter = SessionFilter::default();
        let total = || counts.of(&filter, Duration::ZERO, (&store, &clock));
        total().await.unwrap();
        clock.advance(REMEMBERED);
        let all = futures_util::future::join_all((0..20).map(|_| total())).await;
        assert!(all.into_iter().all(|counts| counts.unwrap().total == MANY));
        assert_eq!(store.asked.load(Ordering::SeqCst), 2);
    }
}
