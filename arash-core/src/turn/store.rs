use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::turn::{CommitOutcome, IdempotencyKey, StoredTurn, TurnCommit};

/// What turns need from storage.
#[async_trait]
pub trait TurnStore: Send + Sync {
    /// Writes these turns; each is whole or absent, and durable when this returns.
    ///
    /// The outcomes stand in the order of the turns. Turns of one batch are independent: one that is a
    /// duplicate or stale changes nothing and keeps no other from being written. Sums (hourly usage, quota
    /// buckets) grow in the same transaction as the rows they sum up.
    ///
    /// # Errors
    /// When nothing at all was written: [`Unavailable`](crate::ErrorKind::Unavailable) when storage cannot be
    /// reached, another kind when some turn of the batch cannot be written; the caller then tries them one by one.
    async fn commit(&self, turns: &[TurnCommit]) -> Result<Vec<CommitOutcome>>;

    /// The turn with this idempotency key.
    async fn find_turn(&self, key: &IdempotencyKey) -> Result<Option<StoredTurn>>;

    /// Forgets the idempotency keys, and with them the kept replies, of turns that ended at or before `until`.
    async fn forget_receipts(&self, until: Timestamp) -> Result<()>;
}
