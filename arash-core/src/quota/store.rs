use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::NodeId;
use crate::quota::{Period, QuotaScope};

/// Asks the store for a block of a quota.
#[derive(Clone, Copy, Debug)]
pub struct LeaseRequest {
    /// Who asks.
    pub node: NodeId,
    /// Whose quota.
    pub scope: QuotaScope,
    /// Over which window.
    pub period: Period,
    /// The quota: used and leased over the window never exceed it.
    pub limit: u64,
    /// How many are waited for right now.
    pub wanted: u64,
    /// The time now; the block belongs to its bucket.
    pub now: Timestamp,
    /// When the block goes back by itself unless it is renewed.
    pub until: Timestamp,
}

/// What the store granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// How many may be spent; 0 when the quota is used up.
    pub amount: u64,
    /// The bucket they count in.
    pub bucket_start: Timestamp,
    /// The oldest bucket of the window that holds any use: what frees first.
    pub oldest_bucket: Option<Timestamp>,
}

/// Where a block was leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockPlace {
    /// Whose quota.
    pub scope: QuotaScope,
    /// Over which window.
    pub period: Period,
    /// In which bucket.
    pub bucket_start: Timestamp,
}

/// How large a block is: what is waited for, else a small share of what is left, never more than is left.
pub fn lease_amount(limit: u64, taken: u64, wanted: u64) -> u64 {
    let left = limit.saturating_sub(taken);
    wanted.max(left / 32).min(left)
}

/// One request that counts towards a quota, as the turn's commit writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QuotaSpend {
    /// Whose use.
    pub scope: QuotaScope,
    /// In which window.
    pub period: Period,
    /// In which bucket.
    pub bucket_start: Timestamp,
    /// The node whose leased block it comes from; `None` where there is no limit to lease from.
    pub leased_by: Option<NodeId>,
}

/// What quotas need from storage. A [`QuotaSpend`] is written by [`TurnStore::commit`](crate::turn::TurnStore::commit).
#[async_trait]
pub trait QuotaStore: Send + Sync {
    /// Leases a block of [`lease_amount`], in one step that no other lease can come between.
    async fn lease(&self, request: LeaseRequest) -> Result<Lease>;

    /// Gives back `amount` of what `node` leased in this bucket and did not spend.
    async fn give_back(
        &self,
        node: NodeId,
        scope: QuotaScope,
        period: Period,
        bucket_start: Timestamp,
        amount: u64,
    ) -> Result<()>;

    /// Keeps what `node` leased in these buckets until `until`. What it does not name ends in its time, such as a
    /// block whose grant never reached the node.
    async fn renew(&self, node: NodeId, blocks: &[BlockPlace], until: Timestamp) -> Result<()>;

    /// Gives back what nodes leased and no longer renew; returns how much that was.
    async fn reclaim(&self, now: Timestamp) -> Result<u64>;

    /// What was used over the window that ends at `now`, and the oldest bucket that holds any of it.
    async fn used(&self, scope: QuotaScope, period: Period, now: Timestamp) -> Result<(u64, Option<Timestamp>)>;

    /// Forgets buckets that have left the window, but none that something is still leased in.
    async fn purge_buckets(&self, now: Timestamp) -> Result<()>;
}
