use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::turn::{BeginOutcome, CommitOutcome, IdempotencyKey, StartedTurn, StoredTurn, TurnCommit};

/// What turns need from storage.
#[async_trait]
pub trait TurnStore: Send + Sync {
    /// Writes that these turns have begun; durable when this returns. The outcomes stand in the order of the turns.
    ///
    /// # Errors
    /// As of [`TurnStore::commit`].
    async fn begin(&self, turns: &[StartedTurn]) -> Result<Vec<BeginOutcome>>;

    /// Puts off the end of the leases of turns that still run, and writes what they used so far. Turns that have
    /// ended stay as they are.
    async fn renew_turns(&self, turns: &[StartedTurn]) -> Result<()>;

    /// Up to `limit` turns that have begun and whose lease is over at `now`: whoever answered them is gone. They are
    /// ended by [`TurnStore::commit`], as every turn is.
    async fn lost_turns(&self, now: Timestamp, limit: u32) -> Result<Vec<StartedTurn>>;

    /// Writes these turns; each is whole or absent, and durable when this returns.
    ///
    /// The outcomes stand in the order of the turns. Turns of one batch are independent: one that is a
    /// duplicate or stale changes nothing and keeps no other from being written. Sums (hourly usage, quota
    /// buckets) grow in the same transaction as the rows they sum up.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when storage cannot be reached: all was written or nothing, and
    /// nobody knows which. Another kind when some turn of the batch cannot be written: nothing was written, and the
    /// caller tries them one by one.
    async fn commit(&self, turns: &[TurnCommit]) -> Result<Vec<CommitOutcome>>;

    /// The turn with this idempotency key.
    async fn find_turn(&self, key: &IdempotencyKey) -> Result<Option<StoredTurn>>;

    /// Forgets the idempotency keys, and with them the kept replies, of turns that ended at or before `until`. The key
    /// of a turn that has not ended stays taken.
    async fn forget_receipts(&self, until: Timestamp) -> Result<()>;

    /// Deletes turns and usage records that ended before `until`; the hourly sums stay, and so does what has begun and
    /// has not ended.
    async fn purge_turns(&self, until: Timestamp) -> Result<()>;
}
