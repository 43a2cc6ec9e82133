//! Spends quotas from leased blocks: one store access leases many requests, most requests need none.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use crate::clock::{Clock, Timestamp};
use crate::error::{Error, ErrorKind, LimitInfo, Result};
use crate::id::NodeId;
use crate::quota::block::{Block, BlockKey, Blocks, Refusal, Waiter};
use crate::quota::reservation::{Reservation, Ticket};
use crate::quota::{Allowance, BlockPlace, Lease, LeaseRequest, Period, QuotaSpend, QuotaStanding, QuotaStore};

/// A block that is not spent goes back after this; what is being spent is renewed before it.
const LEASE: Duration = Duration::from_secs(60);
/// For how long a used-up quota is refused without asking the store again.
const REFUSAL: Duration = Duration::from_secs(1);

/// Admits requests against quotas. One per process; cheap to clone.
#[derive(Clone, Debug)]
pub struct QuotaKeeper {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    node: NodeId,
    store: Arc<dyn QuotaStore>,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    blocks: Mutex<Blocks>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuotaKeeper").field("node", &self.node).finish_non_exhaustive()
    }
}

impl QuotaKeeper {
    /// Keeps the quotas of `store` for the node `node`; leases run on `tasks`.
    pub fn new(node: NodeId, store: Arc<dyn QuotaStore>, clock: Arc<dyn Clock>, tasks: TaskTracker) -> Self {
        Self { inner: Arc::new(Inner { node, store, clock, tasks, blocks: Mutex::default() }) }
    }

    /// Admits one request, or refuses it because the day's or the month's quota is used up.
    ///
    /// # Errors
    /// [`QuotaExceeded`](ErrorKind::QuotaExceeded) with the moment when more frees up;
    /// [`Unavailable`](ErrorKind::Unavailable) when a block had to be leased and the store did not answer.
    pub async fn reserve(&self, allowance: &Allowance) -> Result<Reservation> {
        let mut reservation = Reservation { tickets: Vec::with_capacity(2), spends: Vec::with_capacity(4) };
        for period in Period::ALL {
            let judged = allowance.judged(period);
            if let Some((scope, limit)) = judged {
                let ticket = self.take((scope, period), limit).await?;
                let leased_by = Some(self.inner.node);
                let bucket_start = ticket.bucket_start();
                reservation.spends.push(QuotaSpend { scope, period, bucket_start, leased_by });
                reservation.tickets.push(ticket);
            }
            let bucket_start = period.bucket_start(self.inner.clock.now());
            for scope in [allowance.team, allowance.key] {
                if judged.is_none_or(|(judged, _)| judged != scope) {
                    reservation.spends.push(QuotaSpend { scope, period, bucket_start, leased_by: None });
                }
            }
        }
        Ok(reservation)
    }

    async fn take(&self, key: BlockKey, limit: u64) -> Result<Ticket> {
        let answer = {
            let now = self.inner.clock.now();
            let mut blocks = self.inner.lock();
            let block = blocks.block_within(key, limit, now);
            if block.waiters.is_empty() && block.left > 0 {
                block.left -= 1;
                return Ok(Ticket::new(&self.inner, &block.place));
            }
            match &block.refusal {
                Some(refusal) if !block.is_leasing && refusal.limit >= limit && now < refusal.until => {
                    return Err(exceeded(key.1, limit, refusal.oldest_bucket, now));
                }
                _ => {}
            }
            let (ask, answer) = oneshot::channel();
            block.waiters.push_back(ask);
            if !block.is_leasing {
                block.is_leasing = true;
                let inner = Arc::clone(&self.inner);
                self.inner.tasks.spawn(async move { inner.refill(key).await });
            }
            answer
        };
        answer.await.unwrap_or_else(|_| Err(Error::unavailable("the engine is shutting down")))
    }

    /// How this caller stands in `period`: what is committed, on whichever node.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when the store does not answer.
    pub async fn standing(&self, allowance: &Allowance, period: Period) -> Result<QuotaStanding> {
        let (scope, quota) = allowance.counted(period);
        let (used, oldest) = self.inner.store.used(scope, period, self.inner.clock.now()).await?;
        let frees_up = quota.is_some_and(|limit| limit > 0);
        let resets_at = oldest.filter(|_| frees_up).map(|bucket| period.frees_at(bucket));
        Ok(QuotaStanding { period, quota, used, resets_at })
    }

    /// Renews what is being spent, gives back what was not, and what crashed nodes left behind. To be called
    /// several times a minute.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when the store does not answer.
    pub async fn upkeep(&self) -> Result<()> {
        let now = self.inner.clock.now();
        // What is not named ends in its time, such as a grant whose answer never came.
        let places = self.inner.lock().places(now);
        if !places.is_empty() {
            self.inner.store.renew(self.inner.node, &places, now.plus(LEASE)).await?;
        }
        self.give_back_ended(now).await?;
        self.inner.store.reclaim(now).await?;
        self.inner.store.purge_buckets(now).await
    }

    /// Gives back everything that was leased and not spent.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when the store does not answer.
    pub async fn give_back_all(&self) -> Result<()> {
        self.give_back_ended(Timestamp::from_millis(i64::MAX)).await
    }

    async fn give_back_ended(&self, now: Timestamp) -> Result<()> {
        let ended = self.inner.lock().ended(now);
        let mut failure = Ok(());
        for (place, amount) in ended {
            failure = failure.and(self.inner.give_back(&place, amount).await);
        }
        failure
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Blocks> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leases until everyone who waits has an answer. One such task runs per block.
    async fn refill(self: Arc<Self>, key: BlockKey) {
        loop {
            // Let whoever arrives in this moment be counted in.
            tokio::task::yield_now().await;
            self.give_back_block(key).await;
            let (wanted, limit) = self.lock().waiting(key);
            let (scope, period) = key;
            let now = self.clock.now();
            let until = now.plus(LEASE);
            let request = LeaseRequest { node: self.node, scope, period, limit, wanted: wanted.max(1), now, until };
            // A store that panics must not leave anyone waiting for ever.
            let lease = AssertUnwindSafe(self.store.lease(request)).catch_unwind().await;
            let lease = lease.unwrap_or_else(|_| Err(Error::internal("the store broke")));
            // A grant that comes when its time is over may be another node's by now.
            let is_late = self.clock.now() >= until;
            let lease = if is_late { Err(Error::unavailable("the store answered too late")) } else { lease };
            let (answers, is_done) = self.share_out(key, limit, now, lease);
            for (waiter, answer) in answers {
                // A waiter that went away drops its ticket, which goes back to the block.
                drop(waiter.send(answer));
            }
            if is_done {
                return;
            }
        }
    }

    /// What this node has to give back of a block may be just what it is about to ask for.
    async fn give_back_block(&self, key: BlockKey) {
        let ended = self.lock().ended_of(key);
        for (place, amount) in ended {
            if let Err(error) = self.give_back(&place, amount).await {
                tracing::warn!(error = ?error, "unspent quota could not be given back; it stays leased for a while");
            }
        }
    }

    /// Gives back, once: had a failure come after the deed, a second time would take from what others still spend. What
    /// did not go back is leased until its time is over, so that the quota is tighter for a while, never wider.
    async fn give_back(&self, place: &BlockPlace, amount: u64) -> Result<()> {
        let BlockPlace { scope, period, bucket_start } = *place;
        let giving = self.store.give_back(self.node, scope, period, bucket_start, amount);
        let given = AssertUnwindSafe(giving).catch_unwind().await;
        given.unwrap_or_else(|_| Err(Error::internal("the store broke")))
    }

    fn hand_out(self: &Arc<Self>, block: &mut Block, answers: &mut Vec<(Waiter, Result<Ticket>)>) {
        while block.left > 0
            && let Some(waiter) = block.waiters.pop_front()
        {
            block.left -= 1;
            answers.push((waiter, Ok(Ticket::new(self, &block.place))));
        }
    }

    fn share_out(
        self: &Arc<Self>,
        key: BlockKey,
        limit: u64,
        now: Timestamp,
        lease: Result<Lease>,
    ) -> (Vec<(Waiter, Result<Ticket>)>, bool) {
        let mut answers = Vec::new();
        let mut blocks = self.lock();
        let fault = match lease {
            Ok(lease) if lease.amount > 0 => {
                let valid_until = now.plus(LEASE).min(lease.bucket_start.plus(key.1.bucket()));
                blocks.add(key, lease, limit, valid_until);
                None
            }
            Ok(Lease { oldest_bucket, .. }) => {
                blocks.block(key, now).refusal = Some(Refusal { limit, until: now.plus(REFUSAL), oldest_bucket });
                Some(exceeded(key.1, limit, oldest_bucket, now))
            }
            Err(error) => Some(error),
        };
        // Something may have come back while the store was asked.
        let block = blocks.block(key, now);
        self.hand_out(block, &mut answers);
        if let Some(error) = fault {
            answers.extend(block.waiters.drain(..).map(|waiter| (waiter, Err(error.clone()))));
        }
        block.is_leasing = !block.waiters.is_empty();
        (answers, !block.is_leasing)
    }

    /// An unspent ticket comes back: to its block while that lasts, else to the store.
    pub(super) fn take_back(&self, place: BlockPlace) {
        let now = self.clock.now();
        self.lock().take_back(place, now);
    }
}

fn exceeded(period: Period, limit: u64, oldest_bucket: Option<Timestamp>, now: Timestamp) -> Error {
    let name = match period {
        Period::Daily => "daily",
        Period::Monthly => "monthly",
    };
    let (when, resets_in) = match oldest_bucket.map(|bucket| period.frees_at(bucket)) {
        Some(at) if limit > 0 => (format!("it frees up from {at}"), at.since(now)),
        _ => ("it lets nothing through".to_owned(), period.window()),
    };
    Error::new(ErrorKind::QuotaExceeded, format!("{name} quota of {limit} requests is used up; {when}"))
        .with_limit(LimitInfo { policy: period.as_str(), limit, window: period.window(), remaining: 0, resets_in })
}
