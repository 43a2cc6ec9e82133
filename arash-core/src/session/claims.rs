//! Keeps the sessions that this node works with from other nodes, on a store that they share.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{NodeId, SessionId};
use crate::session::{Claim, ClaimRequest, SessionKey, SessionStore};

/// A claim ends by itself after this, so that a node that is gone keeps no session. Renewed three times in it.
const LEASE: Duration = Duration::from_secs(30);
/// For how long a message waits for a session that another node works with.
const PATIENCE: Duration = Duration::from_secs(10);
/// The first and the longest pause between two looks at it.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));

/// All claims of this node. Cheap to clone.
#[derive(Clone)]
pub(super) struct Claims {
    inner: Arc<Inner>,
}

struct Inner {
    node: NodeId,
    store: Arc<dyn SessionStore>,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    /// The counter of the last claim of each session that is held.
    held: Mutex<HashMap<SessionId, i64>>,
}

/// A claim that is held. Dropping it lets the session go, unless the claim has ended.
pub(super) struct HeldClaim {
    inner: Arc<Inner>,
    pub(super) session: SessionId,
    pub(super) fence: i64,
    pub(super) version: i64,
    has_ended: bool,
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, i64>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claims {
    pub(super) fn new(node: NodeId, store: Arc<dyn SessionStore>, clock: Arc<dyn Clock>, tasks: TaskTracker) -> Self {
        Self { inner: Arc::new(Inner { node, store, clock, tasks, held: Mutex::default() }) }
    }

    /// Claims a session; while another node has it, looks again and again for some seconds or until `gone`. Not to be
    /// dropped halfway: a claim that nobody knows of keeps the session until its time is over.
    pub(super) async fn take(
        &self,
        key: &SessionKey,
        user_id: &str,
        gone: impl Future<Output = ()>,
    ) -> Result<HeldClaim> {
        let (begun, mut pause, mut gone) = (Instant::now(), PAUSES.0, pin!(gone));
        let shared = self.inner.store.shared().ok_or_else(|| Error::internal("the store is not shared"))?;
        loop {
            let now = self.inner.clock.now();
            let request = ClaimRequest { node: self.inner.node, now, until: now.plus(LEASE) };
            if let Claim::Held { session, fence, version } = shared.claim(key, user_id, request).await? {
                self.inner.lock().insert(session, fence);
                return Ok(HeldClaim { inner: Arc::clone(&self.inner), session, fence, version, has_ended: false });
            }
            if begun.elapsed() + pause > PATIENCE {
                return Err(busy());
            }
            tokio::select! {
                () = tokio::time::sleep(jittered(pause)) => {}
                () = &mut gone => return Err(busy()),
            }
            pause = pause.saturating_mul(2).min(PAUSES.1);
        }
    }

    /// Puts off the end of all claims that are held.
    pub(super) async fn renew(&self) -> Result<()> {
        let Some(shared) = self.inner.store.shared() else { return Ok(()) };
        let held: Vec<_> = self.inner.lock().iter().map(|(&session, &fence)| (session, fence)).collect();
        if held.is_empty() {
            return Ok(());
        }
        shared.renew_claims(&held, self.inner.clock.now().plus(LEASE)).await
    }
}

impl HeldClaim {
    /// The claim has ended in the store, or a later one took its place: there is nothing to let go of.
    pub(super) fn ended(mut self) {
        self.has_ended = true;
    }
}

impl Drop for HeldClaim {
    fn drop(&mut self) {
        let (session, fence) = (self.session, self.fence);
        {
            let mut held = self.inner.lock();
            if held.get(&session) == Some(&fence) {
                held.remove(&session);
            }
        }
        if self.has_ended {
            return;
        }
        let inner = Arc::clone(&self.inner);
        self.inner.tasks.spawn(async move {
            let Some(shared) = inner.store.shared() else { return };
            // Whoever claimed the session since has a higher counter: this does them no harm.
            if let Err(error) = shared.release(session, fence).await {
                tracing::warn!(error = ?error, "a session could not be let go of; its claim ends by itself");
            }
        });
    }
}

/// Between half of a pause and the whole, so that those who wait do not all look at once.
fn jittered(pause: Duration) -> Duration {
    let half = pause / 2;
    let micros = u64::try_from(half.as_micros()).unwrap_or(u64::MAX).max(1);
    half + Duration::from_micros(RandomState::new().hash_one(0_u8) % micros)
}

fn busy() -> Error {
    Error::new(ErrorKind::SessionBusy, "another node is answering a message of this session; try again later")
        .with_retry_after(Duration::from_secs(1))
}
