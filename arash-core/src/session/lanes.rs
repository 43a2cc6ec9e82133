//! One lane a session: who holds it is alone with the session, who comes later waits in order.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::error::{Error, ErrorKind, Result};
use crate::session::cache::IdleSessions;
use crate::session::{Session, SessionKey};

const SHARDS: usize = 64;

/// How sessions are worked with at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionLoad {
    /// Sessions in memory that nobody works with.
    pub cached: usize,
    /// About how much memory those take, in bytes.
    pub cached_bytes: usize,
    /// Sessions that somebody works with.
    pub held: usize,
    /// Messages that wait for a session.
    pub waiting: usize,
}

/// All lanes of a process. A lane exists while someone holds it; between turns its session is parked in a
/// cache of bounded size, so that taking a lane and finding the session is one look into one map.
pub(super) struct Lanes {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    max_waiters: usize,
}

struct Shard {
    held: HashMap<SessionKey, VecDeque<oneshot::Sender<Lane>>>,
    idle: IdleSessions,
}

/// A lane that is held. Dropping it parks the session, if there is one, and lets the next one in.
pub(super) struct Lane {
    lanes: Arc<Lanes>,
    key: SessionKey,
    pub(super) session: Option<Box<Session>>,
    is_held: bool,
}

impl Lanes {
    pub(super) fn new(max_waiters: usize, cache_bytes: usize) -> Self {
        let shard = || Mutex::new(Shard { held: HashMap::new(), idle: IdleSessions::new(cache_bytes / SHARDS) });
        Self { shards: std::iter::repeat_with(shard).take(SHARDS).collect(), hasher: RandomState::new(), max_waiters }
    }

    /// Waits for the lane of `key`, first come first served. Giving up waiting costs nobody his place.
    pub(super) async fn enter(self: &Arc<Self>, key: &SessionKey) -> Result<Lane> {
        let turn = {
            let mut shard = self.shard(key);
            let Some(waiters) = shard.held.get_mut(key) else {
                shard.held.insert(key.clone(), VecDeque::new());
                let session = shard.idle.take(key);
                drop(shard);
                return Ok(self.lane(key.clone(), session));
            };
            // Those who gave up waiting do not count.
            waiters.retain(|waiter| !waiter.is_closed());
            if waiters.len() >= self.max_waiters {
                return Err(busy(self.max_waiters));
            }
            let (pass, turn) = oneshot::channel();
            waiters.push_back(pass);
            turn
        };
        turn.await.map_err(|_| Error::internal("a session's lane was lost"))
    }

    fn lane(self: &Arc<Self>, key: SessionKey, session: Option<Box<Session>>) -> Lane {
        Lane { lanes: Arc::clone(self), key, session, is_held: true }
    }

    fn leave(self: &Arc<Self>, key: &SessionKey, mut session: Option<Box<Session>>) {
        loop {
            let mut shard = self.shard(key);
            let Some(next) = shard.held.get_mut(key).and_then(VecDeque::pop_front) else {
                shard.held.remove(key);
                if let Some(session) = session {
                    shard.idle.put(key.clone(), session);
                }
                return;
            };
            drop(shard);
            match next.send(self.lane(key.clone(), session)) {
                Ok(()) => return,
                // Whoever waited went away: the lane goes on to the one after.
                Err(mut refused) => {
                    refused.is_held = false;
                    session = refused.session.take();
                }
            }
        }
    }

    fn shard(&self, key: &SessionKey) -> MutexGuard<'_, Shard> {
        let place = self.hasher.hash_one(key) as usize % SHARDS;
        #[expect(clippy::indexing_slicing, reason = "a number modulo the count of shards is one of them")]
        self.shards[place].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// About how much memory the parked sessions take.
    pub(super) fn idle_bytes(&self) -> usize {
        self.load().cached_bytes
    }

    pub(super) fn load(&self) -> SessionLoad {
        self.shards.iter().fold(SessionLoad::default(), |sum, shard| {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let waiting =
                |waiters: &VecDeque<oneshot::Sender<_>>| waiters.iter().filter(|one| !one.is_closed()).count();
            SessionLoad {
                cached: sum.cached + shard.idle.len(),
                cached_bytes: sum.cached_bytes + shard.idle.bytes(),
                held: sum.held + shard.held.len(),
                waiting: sum.waiting + shard.held.values().map(waiting).sum::<usize>(),
            }
        })
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if self.is_held {
            self.lanes.leave(&self.key, self.session.take());
        }
    }
}

fn busy(waiting: usize) -> Error {
    Error::new(
        ErrorKind::SessionBusy,
        format!("{waiting} messages of this session are waiting already; try again later"),
    )
    .with_retry_after(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TeamId;

    fn key() -> SessionKey {
        SessionKey::private("internal", TeamId(1), "chat")
    }

    #[tokio::test]
    async fn a_lane_serves_in_order_and_skips_who_went_away() {
        let (lanes, key) = (Arc::new(Lanes::new(8, 0)), key());
        let first = lanes.enter(&key).await.unwrap();
        let mut waiting: Vec<_> = (0..4).map(|_| Box::pin(lanes.enter(&key))).collect();
        for place in &mut waiting {
            assert!(futures_util::poll!(place.as_mut()).is_pending());
        }
        assert_eq!(lanes.load(), SessionLoad { held: 1, waiting: 4, ..SessionLoad::default() });
        drop(waiting.remove(1));
        assert_eq!(lanes.load().waiting, 3, "who went away does not count");
        drop(first);
        for place in 0..waiting.len() {
            for later in waiting.iter_mut().skip(place + 1) {
                assert!(futures_util::poll!(later.as_mut()).is_pending(), "someone was let in before his turn");
            }
            drop(waiting[place].as_mut().await.unwrap());
            waiting[place] = Box::pin(lanes.enter(&key)); // So that none is asked again after its end.
        }
        drop(waiting);
        assert!(lanes.shard(&key).held.is_empty());
    }

    #[tokio::test]
    async fn a_lane_that_was_passed_on_but_never_taken_is_not_lost() {
        let lanes = Arc::new(Lanes::new(8, 0));
        let first = lanes.enter(&key()).await.unwrap();
        let key = key();
        let mut waiting = Box::pin(lanes.enter(&key));
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        drop(first); // The lane now lies in the channel of one who never looks again.
        drop(waiting);
        tokio::time::timeout(Duration::from_secs(5), lanes.enter(&key)).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn only_so_many_may_wait() {
        let (lanes, key) = (Arc::new(Lanes::new(1, 0)), key());
        let _first = lanes.enter(&key).await.unwrap();
        let mut second = Box::pin(lanes.enter(&key));
        assert!(futures_util::poll!(second.as_mut()).is_pending());
        let refused = lanes.enter(&key).await.err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::SessionBusy);
        drop(second); // Gave up: its place is free again.
        let mut third = Box::pin(lanes.enter(&key));
        assert!(futures_util::poll!(third.as_mut()).is_pending());
    }
}
