use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{SessionId, TeamId};
use crate::session::{Session, SessionCounts, SessionKey, SessionSummary};

/// Which sessions a list holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Only those of this team.
    pub team: Option<TeamId>,
    /// Only those of this platform.
    pub platform: Option<String>,
}

/// A page of sessions, those with the newest activity first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionPage {
    /// The last activity and the id of the last session of the page before.
    pub before: Option<(Timestamp, SessionId)>,
    /// Most entries.
    pub limit: u32,
}

/// What sessions need from storage. There is no `save`: a session changes only by a turn's commit
/// ([`TurnStore::commit`](crate::turn::TurnStore::commit)), which appends.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// The open session `key` with its newest `window` messages; `None` if there is none or it has expired.
    async fn load(&self, key: &SessionKey, window: usize, now: Timestamp) -> Result<Option<Session>>;

    /// Open sessions, newest activity first.
    async fn sessions(&self, filter: &SessionFilter, page: SessionPage, now: Timestamp) -> Result<Vec<SessionSummary>>;

    /// How many sessions are open, and how many of them had a turn since `active_since`.
    async fn count_sessions(
        &self,
        filter: &SessionFilter,
        active_since: Timestamp,
        now: Timestamp,
    ) -> Result<SessionCounts>;

    /// Deletes the session and all that was said in it; `false` if there is none. Usage records stay.
    async fn delete_session(&self, key: &SessionKey, now: Timestamp) -> Result<bool>;

    /// Deletes up to `limit` expired sessions and all that was said in them; returns how many.
    async fn purge_expired(&self, now: Timestamp, limit: u32) -> Result<u64>;
}
