use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::error::{Error, ErrorKind, Result};
use crate::id::SessionId;
use crate::session::lanes::{Lane, Lanes};
use crate::session::{
    History, Session, SessionCounts, SessionFilter, SessionKey, SessionPage, SessionStore, SessionSummary,
};

/// How sessions are kept.
#[derive(Clone, Copy, Debug)]
pub struct SessionSettings {
    /// A session without a turn for this long is forgotten.
    pub timeout: Duration,
    /// Most memory for sessions that nobody works with right now, in bytes. Beyond it they are read from the store.
    pub cache_bytes: usize,
    /// Most messages of one session that may wait for their turn.
    pub max_waiters: usize,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30 * 60), cache_bytes: 256 << 20, max_waiters: 64 }
    }
}

/// Hands out sessions, one holder at a time, and answers questions about them. Cheap to clone.
#[derive(Clone)]
pub struct SessionManager {
    store: Arc<dyn SessionStore>,
    clock: Arc<dyn Clock>,
    lanes: Arc<Lanes>,
    settings: SessionSettings,
}

impl fmt::Debug for SessionManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionManager").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A session that is held: nobody else works with it until this is dropped.
pub struct SessionLane {
    lane: Lane,
}

impl fmt::Debug for SessionLane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLane").field("session", &self.lane.session).finish_non_exhaustive()
    }
}

impl SessionLane {
    /// The session; `None` after [`SessionLane::forget`].
    pub fn session(&self) -> Option<&Session> {
        self.lane.session.as_deref()
    }

    /// The session, to be brought to the state that was committed.
    pub fn session_mut(&mut self) -> Option<&mut Session> {
        self.lane.session.as_deref_mut()
    }

    /// Lets go of what is in memory: whoever holds the session next reads it from the store.
    pub fn forget(&mut self) {
        self.lane.session = None;
    }
}

impl Drop for SessionLane {
    fn drop(&mut self) {
        // What the store never saw must not be taken for something that it holds.
        if self.session().is_some_and(|session| session.version == 0) {
            self.forget();
        }
    }
}

impl SessionManager {
    /// Sessions of `store`, kept as `settings` say.
    pub fn new(store: Arc<dyn SessionStore>, clock: Arc<dyn Clock>, settings: SessionSettings) -> Self {
        let lanes = Arc::new(Lanes::new(settings.max_waiters, settings.cache_bytes));
        Self { store, clock, lanes, settings }
    }

    /// Waits for the session's lane and loads it, with its newest `window` messages; a session that does not
    /// exist yet, or has expired, is a new one of `user_id`.
    ///
    /// # Errors
    /// [`SessionBusy`](ErrorKind::SessionBusy) when too many wait already;
    /// [`Unavailable`](ErrorKind::Unavailable) when the store does not answer.
    pub async fn hold(&self, key: &SessionKey, user_id: &str, window: usize) -> Result<SessionLane> {
        let mut lane = self.lanes.enter(key).await?;
        let now = self.clock.now();
        if lane.session.as_ref().is_some_and(|session| session.expires_at <= now) {
            lane.session = None;
        }
        if lane.session.is_none() {
            lane.session = Some(Box::new(self.read(key, user_id, window, now).await?));
        }
        Ok(SessionLane { lane })
    }

    /// Reads the session anew, after a commit was refused because another node had written it.
    pub(crate) async fn reload(&self, key: &SessionKey, user_id: &str, window: usize) -> Result<Session> {
        self.read(key, user_id, window, self.clock.now()).await
    }

    async fn read(&self, key: &SessionKey, user_id: &str, window: usize, now: Timestamp) -> Result<Session> {
        if let Some(session) = self.store.load(key, window, now).await? {
            return Ok(session);
        }
        Ok(Session {
            id: SessionId::new(),
            key: key.clone(),
            team_id: key.team().filter(|&team| team != crate::id::TeamId::HOST),
            user_id: user_id.to_owned(),
            model: None,
            version: 0,
            fence: 0,
            message_count: 0,
            stored_messages: 0,
            created_at: now,
            last_activity_at: now,
            expires_at: self.expires_at(now),
            history: History::default(),
        })
    }

    /// When a session with a turn at `now` is forgotten unless another one follows.
    pub fn expires_at(&self, now: Timestamp) -> Timestamp {
        now.plus(self.settings.timeout)
    }

    /// The session `key` without its messages.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when it is not open.
    pub async fn get(&self, key: &SessionKey) -> Result<SessionSummary> {
        let session = self.store.load(key, 0, self.clock.now()).await?.ok_or_else(|| no_such_session(key))?;
        Ok(SessionSummary {
            id: session.id,
            key: session.key,
            team_id: session.team_id,
            user_id: session.user_id,
            model: session.model,
            message_count: session.message_count,
            stored_messages: session.stored_messages,
            created_at: session.created_at,
            last_activity_at: session.last_activity_at,
        })
    }

    /// Open sessions, newest activity first.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when the store does not answer.
    pub async fn list(&self, filter: &SessionFilter, page: SessionPage) -> Result<Vec<SessionSummary>> {
        self.store.sessions(filter, page, self.clock.now()).await
    }

    /// How many sessions are open, and how many of them had a turn within `active_within`.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when the store does not answer.
    pub async fn count(&self, filter: &SessionFilter, active_within: Duration) -> Result<SessionCounts> {
        let now = self.clock.now();
        self.store.count_sessions(filter, now.minus(active_within), now).await
    }

    /// Deletes a session and all that was said in it, after the turn that runs in it. Usage records stay.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when it is not open; [`SessionBusy`](ErrorKind::SessionBusy) when
    /// too many messages wait for it.
    pub async fn delete(&self, key: &SessionKey) -> Result<()> {
        let mut lane = self.lanes.enter(key).await?;
        lane.session = None;
        if self.store.delete_session(key, self.clock.now()).await? { Ok(()) } else { Err(no_such_session(key)) }
    }

    /// About how much memory sessions take that nobody works with right now, in bytes.
    pub fn cached_bytes(&self) -> usize {
        self.lanes.idle_bytes()
    }

    /// Deletes what expired some time ago. Not at once: a turn that began just before may still be running.
    pub(crate) async fn purge_expired(&self) -> Result<()> {
        const BATCH: u32 = 100;
        const GRACE: Duration = Duration::from_secs(600);
        while self.store.purge_expired(self.clock.now().minus(GRACE), BATCH).await? == u64::from(BATCH) {}
        Ok(())
    }
}

fn no_such_session(key: &SessionKey) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no session {key}"))
}
