use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::TurnId;
use crate::webhook::Event;

/// An event that waits to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxEvent {
    /// The event.
    pub event: Event,
    /// The turn that caused it.
    pub turn_id: Option<TurnId>,
    /// When it is due.
    pub due_at: Timestamp,
}

/// What the outbox needs from storage, to read. It is written by [`TurnStore::commit`](crate::turn::TurnStore::commit).
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// Events that are due at `now`, oldest first.
    async fn due_events(&self, now: Timestamp, limit: u32) -> Result<Vec<OutboxEvent>>;
}
