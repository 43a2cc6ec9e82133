//! Back ends: where everything is kept. Each implements the ports of the rooms; no room knows a back end.

mod memory;

use async_trait::async_trait;

use crate::error::Result;
use crate::quota::QuotaStore;
use crate::session::SessionStore;
use crate::team::TeamStore;
use crate::turn::TurnStore;
use crate::usage::UsageStore;
use crate::webhook::OutboxStore;

pub use memory::{MemoryRateLimiter, MemoryStore};

/// A back end: all ports together, so that what must change as one can.
///
/// Whoever writes one runs the conformance suite of [`testing::store`](crate::testing::store) on it (feature `testing`).
#[async_trait]
pub trait Store: TeamStore + SessionStore + QuotaStore + UsageStore + TurnStore + OutboxStore + 'static {
    /// Whether storage can be reached and used.
    async fn health(&self) -> Result<()>;

    /// Lets go of everything; nothing is called after this.
    async fn close(&self);
}
