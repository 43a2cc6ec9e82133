//! How many sessions are open: counted anew for every question, but where they are many, remembered for a moment.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::error::Result;
use crate::id::TeamId;
use crate::session::remembered::Remembered;
use crate::session::{SessionCounts, SessionFilter, SessionGroup, SessionStore};

/// From this many sessions on a count is remembered. To count fewer takes some milliseconds at most.
const MANY: u64 = 10_000;

/// A filter, and since when a session is active.
type Question = (Option<TeamId>, Option<String>, Duration);

/// The counts of many sessions. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Counts {
    totals: Remembered<Question, SessionCounts>,
    groups: Remembered<Duration, Arc<[SessionGroup]>>,
}

impl Default for Counts {
    fn default() -> Self {
        let totals = Remembered::new(|counts: &SessionCounts| counts.total >= MANY);
        let groups = |groups: &Arc<[SessionGroup]>| groups.iter().map(|group| group.sessions).sum::<u64>() >= MANY;
        Self { totals, groups: Remembered::new(groups).one_at_a_time() }
    }
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
        let count = async {
            let now = clock.now();
            store.count_sessions(filter, now.minus(active_within), now).await
        };
        self.totals.answer(question, clock, count).await
    }

    /// The open sessions of `store` by platform, team and model. Unlike totals, which every caller asks for, these are
    /// an administrator's question about all sessions: asked twice at once, the second waits.
    pub(super) async fn groups(
        &self,
        active_within: Duration,
        (store, clock): (&dyn SessionStore, &dyn Clock),
    ) -> Result<Arc<[SessionGroup]>> {
        let group = async {
            let now = clock.now();
            Ok(store.session_groups(now.minus(active_within), now).await?.into())
        };
        self.groups.answer(active_within, clock, group).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::clock::Timestamp;
    use crate::session::remembered::REMEMBERED;
    use crate::session::{MessagePage, Session, SessionKey, SessionPage, SessionSummary, StoredMessage};
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

        async fn messages(&self, _: &SessionKey, _: MessagePage, _: Timestamp) -> Result<Option<Vec<StoredMessage>>> {
            unreachable!()
        }

        async fn session_groups(&self, _: Timestamp, _: Timestamp) -> Result<Vec<SessionGroup>> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let sessions = self.total.load(Ordering::SeqCst);
            tokio::task::yield_now().await;
            Ok(vec![SessionGroup { platform: "web".into(), team: None, model: None, sessions, messages: 0, active: 0 }])
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

    #[tokio::test]
    async fn few_groups_are_found_anew_and_those_of_many_sessions_are_remembered_for_a_moment() {
        let (counts, store, clock) =
            (Counts::default(), Counting::default(), ManualClock::new(Timestamp::from_millis(0)));
        let sessions = async || counts.groups(Duration::ZERO, (&store, &clock)).await.unwrap()[0].sessions;
        for total in [0, 1, MANY - 1, MANY] {
            store.total.store(total, Ordering::SeqCst);
            assert_eq!(sessions().await, total);
        }
        store.total.store(3, Ordering::SeqCst);
        assert_eq!(sessions().await, MANY, "it is remembered");
        clock.advance(REMEMBERED);
        assert_eq!(sessions().await, 3);
    }

    #[tokio::test]
    async fn many_callers_share_the_groups_of_many_sessions_from_the_first_question_on() {
        let (counts, store, clock) =
            (Counts::default(), Counting::default(), ManualClock::new(Timestamp::from_millis(0)));
        store.total.store(MANY, Ordering::SeqCst);
        let groups = || counts.groups(Duration::ZERO, (&store, &clock));
        let all = futures_util::future::join_all((0..20).map(|_| groups())).await;
        assert!(all.into_iter().all(|groups| groups.unwrap()[0].sessions == MANY));
        assert_eq!(store.asked.load(Ordering::SeqCst), 1);
    }
}
