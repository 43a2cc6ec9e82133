//! Everything in memory: for tests, for trying things out, and for programs that may forget when they end.

mod claims;
mod endpoints;
mod inbox;
mod outbox;
mod quota;
mod rate_limiter;
mod sessions;
mod teams;
mod turns;
mod usage;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::error::Result;
use crate::store::Store;

pub use rate_limiter::MemoryRateLimiter;

/// Most turns, most usage records, most audit entries and most events that wait for nothing that are kept one by one.
const MAX_RECORDS: usize = 100_000;

/// A back end that keeps everything in memory, and nothing beyond the process. Clones share what they hold.
///
/// Of single turns, usage records, audit entries and delivered events it keeps the newest 100,000; hourly sums stay whole.
#[derive(Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    is_shared: bool,
}

/// All of it behind one lock, so that a turn's commit is one step for everyone else.
#[derive(Default)]
struct State {
    teams: teams::Teams,
    sessions: sessions::Sessions,
    quota: quota::Quotas,
    usage: usage::UsageLog,
    turns: turns::Turns,
    outbox: outbox::Outbox,
    endpoints: endpoints::Endpoints,
    inbox: inbox::Inbox,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that several engines of this process work on, as nodes do on a database: they claim the sessions
    /// that they work with.
    pub fn shared_by_nodes() -> Self {
        Self { is_shared: true, ..Self::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn health(&self) -> Result<()> {
        Ok(())
    }

    async fn close(&self) {}
}
