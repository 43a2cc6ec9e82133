//! Back ends: where everything is kept. Each implements the ports of the rooms; no room knows a back end.

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::inbox::InboxStore;
use crate::quota::QuotaStore;
use crate::session::SessionStore;
use crate::team::TeamStore;
use crate::turn::TurnStore;
use crate::usage::UsageStore;
use crate::webhook::{EndpointStore, OutboxStore};

mod memory;
mod options;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod sql;

pub use memory::{MemoryRateLimiter, MemoryStore};
pub use options::{Durability, SqlOptions};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use sql::{SchemaChange, SqlStore};

/// Connections to storage at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// How many there are.
    pub open: usize,
    /// How many of them do something.
    pub in_use: usize,
}

/// A back end: all ports together, so that what must change as one can.
///
/// Whoever writes one runs the conformance suite of [`testing::store`](crate::testing::store) on it (feature `testing`).
#[async_trait]
pub trait Store:
    TeamStore + SessionStore + QuotaStore + UsageStore + TurnStore + EndpointStore + OutboxStore + InboxStore + 'static
{
    /// Whether storage can be reached and used.
    async fn health(&self) -> Result<()>;

    /// Ends the leases of turns that have begun and of updates, where the back end knows that nobody has them any more: no
    /// other engine works with it, and what died programs had need not wait for its time. Called by each engine once, before
    /// it begins anything. Returns whether it knew; a back end that cannot know leaves all as it is.
    async fn take_over(&self, now: Timestamp) -> Result<bool> {
        let _ = now;
        Ok(false)
    }

    /// What the back end has to do for itself now and then; called at the start and about twice a minute.
    async fn upkeep(&self, now: Timestamp) -> Result<()> {
        let _ = now;
        Ok(())
    }

    /// How many connections to storage are open; none where there are no connections.
    fn connections(&self) -> Connections {
        Connections::default()
    }

    /// Lets go of everything; nothing is called after this.
    async fn close(&self);
}
