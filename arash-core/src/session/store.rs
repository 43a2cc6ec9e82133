use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{NodeId, SessionId, TeamId};
use crate::session::{Session, SessionCounts, SessionGroup, SessionKey, SessionSummary, StoredMessage};

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

/// A page of what was said in a session, the newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessagePage {
    /// The sequence number of the last message of the page before.
    pub before: Option<i64>,
    /// Most entries.
    pub limit: u32,
}

/// What sessions need from storage. There is no `save`: a session changes only by a turn's commit
/// ([`TurnStore::commit`](crate::turn::TurnStore::commit)), which appends.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// How sessions are claimed, on a store that several nodes work on; `None` where one engine has it to itself.
    fn shared(&self) -> Option<&dyn SharedSessions> {
        None
    }

    /// The open session `key` with its newest `window` messages; `None` if there is none or it has expired.
    async fn load(&self, key: &SessionKey, window: usize, now: Timestamp) -> Result<Option<Session>>;

    /// What was said in the open session `key` since it was opened or cleared, newest first; `None` if there is none
    /// or it has expired.
    async fn messages(&self, key: &SessionKey, page: MessagePage, now: Timestamp)
    -> Result<Option<Vec<StoredMessage>>>;

    /// Open sessions, newest activity first.
    async fn sessions(&self, filter: &SessionFilter, page: SessionPage, now: Timestamp) -> Result<Vec<SessionSummary>>;

    /// How many sessions are open, and how many of them had a turn since `active_since`.
    async fn count_sessions(
        &self,
        filter: &SessionFilter,
        active_since: Timestamp,
        now: Timestamp,
    ) -> Result<SessionCounts>;

    /// The open sessions by platform, team and chosen model, and how many of them had a turn since `active_since`; in
    /// no particular order. Takes time that grows with the number of open sessions.
    async fn session_groups(&self, active_since: Timestamp, now: Timestamp) -> Result<Vec<SessionGroup>>;

    /// Deletes the session and all that was said in it, with the kept replies and the waiting events of its turns;
    /// `false` if there is none. Usage records stay.
    async fn delete_session(&self, key: &SessionKey, now: Timestamp) -> Result<bool>;

    /// Deletes up to `limit` expired sessions and all that was said in them; returns how many.
    async fn purge_expired(&self, now: Timestamp, limit: u32) -> Result<u64>;
}

/// Keeps nodes that share a store from working on one session at the same time.
///
/// A claim ends with the commit of the turn, by [`release`](SharedSessions::release) or with its time. Every claim
/// of a session has a higher counter than those before, and a commit under an older one is refused: a node that was
/// suspended and wakes up late changes nothing.
#[async_trait]
pub trait SharedSessions: Send + Sync {
    /// Claims the session `key`, which is opened by `user_id` if there is none. A node may claim anew what it holds.
    async fn claim(&self, key: &SessionKey, user_id: &str, claim: ClaimRequest) -> Result<Claim>;

    /// Puts off the end of these claims to `until`; those that ended, or that others hold now, stay as they are.
    async fn renew_claims(&self, claims: &[(SessionId, i64)], until: Timestamp) -> Result<()>;

    /// Ends the claim with this counter, if it is still the last one.
    async fn release(&self, session: SessionId, fence: i64) -> Result<()>;
}

/// Who claims a session, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimRequest {
    /// Who.
    pub node: NodeId,
    /// The time now.
    pub now: Timestamp,
    /// When the claim ends unless it is renewed.
    pub until: Timestamp,
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The session is the caller's.
    Held {
        /// Its id in the store.
        session: SessionId,
        /// The counter of the claim, 1 or more.
        fence: i64,
        /// The session's version; 0 when it is new.
        version: i64,
    },
    /// Another node has it.
    Busy,
}
