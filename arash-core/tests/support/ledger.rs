//! A store of quotas that counts as simply as can be, holds every node to what it has leased, and loses answers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard};

use arash_core::clock::Timestamp;
use arash_core::id::NodeId;
use arash_core::quota::{BlockPlace, Lease, LeaseRequest, Period, QuotaScope, QuotaSpend, QuotaStore, lease_amount};
use arash_core::{Error, Result};
use async_trait::async_trait;

/// What goes wrong at the next call of that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Nothing is leased.
    Lease,
    /// A block is leased, but whoever asked does not hear of it.
    LeaseAnswer,
    /// Nothing is given back.
    GiveBack,
    /// It is given back, but whoever did so does not hear of it.
    GiveBackAnswer,
}

#[derive(Default)]
pub(crate) struct Ledger {
    state: Mutex<State>,
    /// Whoever writes this holds up every lease.
    pub(crate) gate: tokio::sync::RwLock<()>,
}

#[derive(Default)]
struct State {
    used: HashMap<BlockPlace, u64>,
    /// What each node has where, and until when.
    leases: HashMap<(NodeId, BlockPlace), (u64, Timestamp)>,
    losses: VecDeque<Loss>,
}

impl State {
    fn is_lost(&mut self, loss: Loss) -> Result<()> {
        match self.losses.iter().position(|planned| *planned == loss) {
            Some(index) => {
                self.losses.remove(index);
                Err(Error::unavailable("the answer is lost"))
            }
            None => Ok(()),
        }
    }

    /// Takes `amount` out of a lease, which must hold it.
    fn take(&mut self, node: NodeId, place: BlockPlace, amount: u64) {
        let (leased, _) = self.leases.get_mut(&(node, place)).expect("only what is leased is spent or given back");
        *leased = leased.checked_sub(amount).expect("no more is spent or given back than is leased");
        self.leases.retain(|_, (leased, _)| *leased > 0);
    }
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn lose(&self, loss: Loss) {
        self.lock().losses.push_back(loss);
    }

    pub(crate) fn spend(&self, spend: &QuotaSpend) {
        let QuotaSpend { scope, period, bucket_start, leased_by } = *spend;
        let Some(node) = leased_by else { return };
        let (place, mut state) = (BlockPlace { scope, period, bucket_start }, self.lock());
        state.take(node, place, 1);
        *state.used.entry(place).or_default() += 1;
    }

    /// All that was ever used out of leases.
    pub(crate) fn used(&self) -> u64 {
        self.lock().used.values().sum()
    }

    pub(crate) fn leased(&self) -> u64 {
        self.lock().leases.values().map(|(amount, _)| amount).sum()
    }
}

#[async_trait]
impl QuotaStore for Ledger {
    async fn lease(&self, request: LeaseRequest) -> Result<Lease> {
        let LeaseRequest { node, scope, period, limit, wanted, now, until } = request;
        tokio::task::yield_now().await;
        let _open = self.gate.read().await;
        let mut state = self.lock();
        state.is_lost(Loss::Lease)?;
        let counts = |place: &BlockPlace| {
            (place.scope, place.period) == (scope, period) && place.bucket_start > period.window_start(now)
        };
        let used: u64 = state.used.iter().filter(|(place, _)| counts(place)).map(|(_, used)| used).sum();
        let leased: u64 = state.leases.iter().filter(|((_, place), _)| counts(place)).map(|(_, (held, _))| held).sum();
        let (amount, bucket_start) = (lease_amount(limit, used + leased, wanted), period.bucket_start(now));
        if amount > 0 {
            let place = BlockPlace { scope, period, bucket_start };
            let lease = state.leases.entry((node, place)).or_insert((0, until));
            *lease = (lease.0 + amount, lease.1.max(until));
        }
        state.is_lost(Loss::LeaseAnswer)?;
        Ok(Lease { amount, bucket_start, oldest_bucket: None })
    }

    async fn give_back(
        &self,
        node: NodeId,
        scope: QuotaScope,
        period: Period,
        bucket_start: Timestamp,
        amount: u64,
    ) -> Result<()> {
        tokio::task::yield_now().await;
        let mut state = self.lock();
        state.is_lost(Loss::GiveBack)?;
        state.take(node, BlockPlace { scope, period, bucket_start }, amount);
        state.is_lost(Loss::GiveBackAnswer)
    }

    async fn renew(&self, node: NodeId, blocks: &[BlockPlace], until: Timestamp) -> Result<()> {
        let mut state = self.lock();
        for &place in blocks {
            if let Some(lease) = state.leases.get_mut(&(node, place)) {
                lease.1 = until;
            }
        }
        Ok(())
    }

    async fn reclaim(&self, now: Timestamp) -> Result<u64> {
        self.lock().leases.retain(|_, (_, until)| *until > now);
        Ok(0)
    }

    async fn used(&self, _scope: QuotaScope, _period: Period, _now: Timestamp) -> Result<(u64, Option<Timestamp>)> {
        Ok((self.used(), None))
    }

    async fn purge_buckets(&self, _now: Timestamp) -> Result<()> {
        Ok(())
    }
}
