use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::NodeId;
use crate::quota::{
    BlockPlace, Lease, LeaseRequest, Period, QuotaScope, QuotaSpend, QuotaStore, QuotaThreshold, ToldThreshold,
    lease_amount,
};
use crate::store::MemoryStore;
use crate::store::memory::State;
use crate::webhook::{Event, order_of_quota};

type Counted = (QuotaScope, Period);
type LeaseKey = (NodeId, QuotaScope, Period, Timestamp);

/// What was used and leased, by bucket, and which node holds which lease.
#[derive(Default)]
pub(super) struct Quotas {
    buckets: HashMap<Counted, BTreeMap<Timestamp, Bucket>>,
    /// Only leases with something left.
    leases: HashMap<LeaseKey, Leased>,
    /// When a team was last told of a threshold.
    told: HashMap<(QuotaScope, Period, u8), ToldThreshold>,
}

#[derive(Clone, Copy, Default)]
struct Bucket {
    used: u64,
    leased: u64,
}

struct Leased {
    amount: u64,
    until: Timestamp,
}

impl Quotas {
    /// The buckets that reach into the window that ends at `now`, the oldest first.
    fn window(&self, counted: Counted, now: Timestamp) -> impl Iterator<Item = (Timestamp, Bucket)> {
        let from = Bound::Excluded(counted.1.window_start(now));
        let buckets = self.buckets.get(&counted).into_iter();
        buckets
            .flat_map(move |buckets| buckets.range((from, Bound::Unbounded)).map(|(&start, &bucket)| (start, bucket)))
    }

    fn bucket(&mut self, counted: Counted, start: Timestamp) -> &mut Bucket {
        self.buckets.entry(counted).or_default().entry(start).or_default()
    }

    /// Leases a block; with the threshold that is reached by that.
    fn lease(&mut self, request: &LeaseRequest) -> (Lease, Option<QuotaThreshold>) {
        let LeaseRequest { node, scope, period, limit, wanted, now, until } = *request;
        let (mut taken, mut oldest_bucket) = (0_u64, None);
        for (start, bucket) in self.window((scope, period), now) {
            let here = bucket.used.saturating_add(bucket.leased);
            taken = taken.saturating_add(here);
            oldest_bucket = oldest_bucket.or((here > 0).then_some(start));
        }
        let (amount, bucket_start) = (lease_amount(limit, taken, wanted), period.bucket_start(now));
        if amount > 0 {
            self.bucket((scope, period), bucket_start).leased += amount;
            let lease = self.leases.entry((node, scope, period, bucket_start)).or_insert(Leased { amount: 0, until });
            lease.amount += amount;
            lease.until = lease.until.max(until);
        }
        let oldest_use = oldest_bucket.or((amount > 0).then_some(bucket_start));
        let reached = QuotaThreshold::reached(request, taken.saturating_add(amount), oldest_use);
        (Lease { amount, bucket_start, oldest_bucket }, reached)
    }

    fn is_news(&self, threshold: &QuotaThreshold, percent: u8, now: Timestamp) -> bool {
        threshold.is_news(self.told.get(&(threshold.scope, threshold.period, percent)).copied(), now)
    }

    fn note_told(&mut self, threshold: &QuotaThreshold, at: Timestamp) {
        for percent in threshold.covered() {
            if self.is_news(threshold, percent, at) {
                let told = ToldThreshold { limit: threshold.limit, at };
                self.told.insert((threshold.scope, threshold.period, percent), told);
            }
        }
    }

    /// Takes up to `amount` out of a lease; returns how much that was.
    fn unlease(&mut self, key: LeaseKey, amount: u64) -> u64 {
        let Some(lease) = self.leases.get_mut(&key) else { return 0 };
        let amount = amount.min(lease.amount);
        lease.amount -= amount;
        if lease.amount == 0 {
            self.leases.remove(&key);
        }
        let (_, scope, period, start) = key;
        if let Some(bucket) = self.buckets.get_mut(&(scope, period)).and_then(|buckets| buckets.get_mut(&start)) {
            bucket.leased = bucket.leased.saturating_sub(amount);
        }
        amount
    }

    /// Counts one request. Where its lease was reclaimed in the meantime, it is counted all the same.
    pub(super) fn spend(&mut self, spend: &QuotaSpend) {
        let QuotaSpend { scope, period, bucket_start, leased_by } = *spend;
        self.bucket((scope, period), bucket_start).used += 1;
        if let Some(node) = leased_by {
            self.unlease((node, scope, period, bucket_start), 1);
        }
    }

    fn reclaim(&mut self, now: Timestamp) -> u64 {
        let ended: Vec<_> = self.leases.iter().filter(|(_, lease)| lease.until <= now).map(|(&key, _)| key).collect();
        ended.into_iter().map(|key| self.unlease(key, u64::MAX)).sum()
    }
}

impl State {
    fn lease_quota(&mut self, request: &LeaseRequest) -> Result<Lease> {
        let (lease, reached) = self.quota.lease(request);
        let news = reached.filter(|threshold| self.quota.is_news(threshold, threshold.percent, request.now));
        if let Some(threshold) = news
            && let Some(team) = self.teams.to_tell_of(&threshold)
        {
            self.quota.note_told(&threshold, request.now);
            let event = Event::quota_threshold(team, &threshold, request.now)?;
            self.outbox.tell(Some(event), order_of_quota(threshold.scope, threshold.period), request.now);
        }
        Ok(lease)
    }
}

#[async_trait]
impl QuotaStore for MemoryStore {
    async fn lease(&self, request: LeaseRequest) -> Result<Lease> {
        self.lock().lease_quota(&request)
    }

    async fn give_back(
        &self,
        node: NodeId,
        scope: QuotaScope,
        period: Period,
        bucket_start: Timestamp,
        amount: u64,
    ) -> Result<()> {
        self.lock().quota.unlease((node, scope, period, bucket_start), amount);
        Ok(())
    }

    async fn renew(&self, node: NodeId, blocks: &[BlockPlace], until: Timestamp) -> Result<()> {
        let leases = &mut self.lock().quota.leases;
        for block in blocks {
            if let Some(lease) = leases.get_mut(&(node, block.scope, block.period, block.bucket_start)) {
                lease.until = until;
            }
        }
        Ok(())
    }

    async fn reclaim(&self, now: Timestamp) -> Result<u64> {
        Ok(self.lock().quota.reclaim(now))
    }

    async fn used(&self, scope: QuotaScope, period: Period, now: Timestamp) -> Result<(u64, Option<Timestamp>)> {
        let state = self.lock();
        let used = || state.quota.window((scope, period), now).filter(|(_, bucket)| bucket.used > 0);
        let sum = used().fold(0_u64, |sum, (_, bucket)| sum.saturating_add(bucket.used));
        Ok((sum, used().next().map(|(start, _)| start)))
    }

    async fn purge_buckets(&self, now: Timestamp) -> Result<()> {
        let quota = &mut self.lock().quota;
        quota.told.retain(|(_, period, _), told| told.at > now.minus(period.window()));
        quota.buckets.retain(|(_, period), buckets| {
            buckets.retain(|&start, bucket| start > period.window_start(now) || bucket.leased > 0);
            !buckets.is_empty()
        });
        Ok(())
    }
}
