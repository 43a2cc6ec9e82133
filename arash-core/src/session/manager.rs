use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use crate::clock::{Clock, Timestamp};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{NodeId, SessionId, TeamId};
use crate::session::claims::Claims;
use crate::session::counts::Counts;
use crate::session::lanes::{Lane, Lanes, SessionLoad};
use crate::session::{
    History, MessagePage, Session, SessionCounts, SessionFilter, SessionGroup, SessionKey, SessionLane, SessionPage,
    SessionStore, SessionSummary, StoredMessage,
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
    claims: Claims,
    counts: Counts,
    tasks: TaskTracker,
}

impl fmt::Debug for SessionManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionManager").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl SessionManager {
    /// Sessions of `store`, kept as `settings` say. On a store that nodes share they are claimed for `node`, by work
    /// that runs on `tasks`.
    pub fn new(
        store: Arc<dyn SessionStore>,
        clock: Arc<dyn Clock>,
        settings: SessionSettings,
        node: NodeId,
        tasks: TaskTracker,
    ) -> Self {
        let lanes = Arc::new(Lanes::new(settings.max_waiters, settings.cache_bytes));
        let claims = Claims::new(node, Arc::clone(&store), Arc::clone(&clock), tasks.clone());
        Self { store, clock, lanes, settings, claims, counts: Counts::default(), tasks }
    }

    /// Waits for the session's lane and loads it, with its newest `window` messages; a session that does not
    /// exist yet, or has expired, is a new one of `user_id`. On a store that nodes share, it is claimed.
    ///
    /// # Errors
    /// [`SessionBusy`](ErrorKind::SessionBusy) when too many wait already, or another node works with it for long;
    /// [`Unavailable`](ErrorKind::Unavailable) when the store does not answer.
    pub async fn hold(&self, key: &SessionKey, user_id: &str, window: usize) -> Result<SessionLane> {
        let mut lane = self.lanes.enter(key).await?;
        let now = self.clock.now();
        if lane.session.as_ref().is_some_and(|session| session.expires_at <= now) {
            lane.session = None;
        }
        if self.store.shared().is_some() {
            let mut held = self.claim(lane, key, user_id).await?;
            self.fill(&mut held, key, user_id, window).await?;
            return Ok(held);
        }
        if lane.session.is_none() {
            lane.session = Some(Box::new(self.read(key, user_id, window, now).await?));
        }
        Ok(SessionLane { claim: None, lane })
    }

    /// Reads the session anew, after a commit was refused because another node had written it. On a store that nodes
    /// share, it is claimed anew.
    pub(crate) async fn reload(
        &self,
        held: &mut SessionLane,
        key: &SessionKey,
        user_id: &str,
        window: usize,
    ) -> Result<()> {
        if self.store.shared().is_some() {
            // A later claim of the same session takes the place of the one before.
            let claim = self.claims.take(key, user_id, std::future::pending()).await?;
            held.committed();
            held.claim = Some(claim);
            return self.fill(held, key, user_id, window).await;
        }
        held.lane.session = Some(Box::new(self.read(key, user_id, window, self.clock.now()).await?));
        Ok(())
    }

    /// Claims the session of a lane. Whoever asks may go away: then the claim is let go of, and the lane with it.
    async fn claim(&self, lane: Lane, key: &SessionKey, user_id: &str) -> Result<SessionLane> {
        let (mut done, claimed) = oneshot::channel();
        let (claims, key, user_id) = (self.claims.clone(), key.clone(), user_id.to_owned());
        self.tasks.spawn(async move {
            let claim = claims.take(&key, &user_id, done.closed()).await;
            drop(done.send(claim.map(|claim| SessionLane { claim: Some(claim), lane })));
        });
        claimed.await.unwrap_or_else(|_| Err(Error::internal("a session could not be claimed")))
    }

    /// Brings the session of a claimed lane to what the store has: what was parked is used if it is just that.
    async fn fill(&self, held: &mut SessionLane, key: &SessionKey, user_id: &str, window: usize) -> Result<()> {
        let Some(claim) = &held.claim else { return Err(Error::internal("a shared session was not claimed")) };
        let (id, fence, version) = (claim.session, claim.fence, claim.version);
        let is_parked = |session: &Session| version > 0 && (session.id, session.version) == (id, version);
        if !held.session().is_some_and(is_parked) {
            let now = self.clock.now();
            let session = match version {
                0 => Session { id, ..self.new_session(key, user_id, now) },
                _ => self.read(key, user_id, window, now).await?,
            };
            held.lane.session = Some(Box::new(session));
        }
        if let Some(session) = held.session_mut() {
            session.fence = fence;
        }
        Ok(())
    }

    async fn read(&self, key: &SessionKey, user_id: &str, window: usize, now: Timestamp) -> Result<Session> {
        let stored = self.store.load(key, window, now).await?;
        Ok(stored.unwrap_or_else(|| self.new_session(key, user_id, now)))
    }

    fn new_session(&self, key: &SessionKey, user_id: &str, now: Timestamp) -> Session {
        Session {
            id: SessionId::new(),
            key: key.clone(),
            team_id: key.team().filter(|&team| team != TeamId::HOST),
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
        }
    }

    /// Puts off the end of all claims that are held here. To be called some times within half a minute.
    pub(crate) async fn renew_claims(&self) -> Result<()> {
        self.claims.renew().await
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
        let session = self.store.load(key, 0, self.clock.now()).await?;
        session.map(|session| session.summary()).ok_or_else(|| no_such_session(key))
    }

    /// What was said in the session `key` since it was opened or cleared, newest first.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when it is not open.
    pub async fn messages(&self, key: &SessionKey, page: MessagePage) -> Result<Vec<StoredMessage>> {
        self.store.messages(key, page, self.clock.now()).await?.ok_or_else(|| no_such_session(key))
    }

    /// Open sessions, newest activity first.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when the store does not answer.
    pub async fn list(&self, filter: &SessionFilter, page: SessionPage) -> Result<Vec<SessionSummary>> {
        self.store.sessions(filter, page, self.clock.now()).await
    }

    /// How many sessions are open, and how many of them had a turn within `active_within`. Exact where they are less
    /// than ten thousand; else it may be some seconds old.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when the store does not answer.
    pub async fn count(&self, filter: &SessionFilter, active_within: Duration) -> Result<SessionCounts> {
        self.counts.of(filter, active_within, (&*self.store, &*self.clock)).await
    }

    /// The open sessions by platform, team and chosen model, and how many of them had a turn within `active_within`.
    /// Exact where they are less than ten thousand; else it may be some seconds old.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when the store does not answer.
    pub async fn groups(&self, active_within: Duration) -> Result<Arc<[SessionGroup]>> {
        self.counts.groups(active_within, (&*self.store, &*self.clock)).await
    }

    /// Deletes a session and all that was said in it, after the turn that runs in it. Usage records stay.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when it is not open; [`SessionBusy`](ErrorKind::SessionBusy) when
    /// too many messages wait for it.
    pub(crate) async fn delete(&self, key: &SessionKey) -> Result<()> {
        let mut lane = self.lanes.enter(key).await?;
        lane.session = None;
        let mut held = match self.store.shared() {
            Some(_) => self.claim(lane, key, "").await?,
            None => SessionLane { claim: None, lane },
        };
        let is_deleted = self.store.delete_session(key, self.clock.now()).await?;
        // The claim went with it.
        held.committed();
        if is_deleted { Ok(()) } else { Err(no_such_session(key)) }
    }

    /// About how much memory sessions take that nobody works with right now, in bytes.
    pub fn cached_bytes(&self) -> usize {
        self.lanes.idle_bytes()
    }

    /// How sessions are worked with right now.
    pub fn load(&self) -> SessionLoad {
        self.lanes.load()
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
