//! Spends quotas from leased blocks: one store access leases many requests, most requests need none.

use std::collections::{HashMap, VecDeque};
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
use crate::quota::reservation::{Reservation, Ticket};
use crate::quota::{Allowance, Lease, LeaseRequest, Period, QuotaScope, QuotaSpend, QuotaStanding, QuotaStore};

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
    state: Mutex<State>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuotaKeeper").field("node", &self.node).finish_non_exhaustive()
    }
}

pub(super) type BlockKey = (QuotaScope, Period);
type Waiter = oneshot::Sender<Result<Ticket>>;

#[derive(Default)]
struct State {
    blocks: HashMap<BlockKey, Block>,
    /// What is to be given back to the store, by block and bucket.
    returns: HashMap<(BlockKey, Timestamp), u64>,
}

struct Block {
    bucket_start: Timestamp,
    valid_until: Timestamp,
    left: u64,
    waiters: VecDeque<Waiter>,
    is_leasing: bool,
    refusal: Option<Refusal>,
}

struct Refusal {
    limit: u64,
    until: Timestamp,
    oldest_bucket: Option<Timestamp>,
}

impl Block {
    fn new() -> Self {
        Self {
            bucket_start: Timestamp::default(),
            valid_until: Timestamp::default(),
            left: 0,
            waiters: VecDeque::new(),
            is_leasing: false,
            refusal: None,
        }
    }
}

impl QuotaKeeper {
    /// Keeps the quotas of `store` for the node `node`; leases run on `tasks`.
    pub fn new(node: NodeId, store: Arc<dyn QuotaStore>, clock: Arc<dyn Clock>, tasks: TaskTracker) -> Self {
        Self { inner: Arc::new(Inner { node, store, clock, tasks, state: Mutex::default() }) }
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
                reservation.spends.push(QuotaSpend { scope, period, bucket_start: ticket.bucket_start, leased_by });
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
            let mut state = self.inner.lock();
            let State { blocks, returns } = &mut *state;
            let block = blocks.entry(key).or_insert_with(Block::new);
            retire(key, block, returns, now);
            if block.waiters.is_empty() && block.left > 0 {
                block.left -= 1;
                return Ok(Ticket::new(&self.inner, key, block.bucket_start));
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
                self.inner.tasks.spawn(async move { inner.refill(key, limit).await });
            }
            answer
        };
        answer.await.unwrap_or_else(|_| Err(Error::unavailable("the engine is shutting down")))
    }

    /// How this caller stands in `period`.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when the store does not answer.
    pub async fn standing(&self, allowance: &Allowance, period: Period) -> Result<QuotaStanding> {
        let judged = allowance.judged(period);
        let scope = judged.map_or(allowance.key, |(scope, _)| scope);
        let (used, oldest) = self.inner.store.used(scope, period, self.inner.clock.now()).await?;
        let resets_at = oldest.map(|bucket| period.frees_at(bucket));
        Ok(QuotaStanding { period, quota: judged.map(|(_, limit)| limit), used, resets_at })
    }

    /// Renews what is being spent, gives back what was not, and what crashed nodes left behind. To be called
    /// several times a minute.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when the store does not answer.
    pub async fn upkeep(&self) -> Result<()> {
        let now = self.inner.clock.now();
        self.inner.store.renew(self.inner.node, &[], now.plus(LEASE)).await?;
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
        let ended: Vec<_> = {
            let mut state = self.inner.lock();
            let State { blocks, returns } = &mut *state;
            for (&key, block) in blocks.iter_mut() {
                retire(key, block, returns, now);
            }
            blocks.retain(|_, block| block.left > 0 || block.is_leasing || block.refusal.is_some());
            returns.drain().collect()
        };
        let mut failure = Ok(());
        for (place, amount) in ended {
            failure = failure.and(self.inner.give_back(place, amount).await);
        }
        failure
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leases until everyone who waits has an answer. One such task runs per block.
    async fn refill(self: Arc<Self>, key: BlockKey, limit: u64) {
        loop {
            // Let whoever arrives in this moment be counted in.
            tokio::task::yield_now().await;
            self.give_back_block(key).await;
            let wanted = self.lock().blocks.get(&key).map_or(0, |block| block.waiters.len()) as u64;
            let (scope, period) = key;
            let now = self.clock.now();
            let request = LeaseRequest {
                node: self.node,
                scope,
                period,
                limit,
                wanted: wanted.max(1),
                now,
                until: now.plus(LEASE),
            };
            // A store that panics must not leave anyone waiting for ever.
            let lease = AssertUnwindSafe(self.store.lease(request)).catch_unwind().await;
            let lease = lease.unwrap_or_else(|_| Err(Error::internal("the store broke")));
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
        let ended: Vec<_> = self.lock().returns.extract_if(|(block, _), _| *block == key).collect();
        for (place, amount) in ended {
            // A failure is tried again by the upkeep, and leaves the quota tighter until then, never wider.
            if let Err(error) = self.give_back(place, amount).await {
                tracing::warn!(error = ?error, "unspent quota could not be given back yet");
            }
        }
    }

    async fn give_back(&self, ((scope, period), bucket): (BlockKey, Timestamp), amount: u64) -> Result<()> {
        let giving = AssertUnwindSafe(self.store.give_back(self.node, scope, period, bucket, amount)).catch_unwind();
        let given = giving.await.unwrap_or_else(|_| Err(Error::internal("the store broke")));
        if given.is_err() {
            *self.lock().returns.entry(((scope, period), bucket)).or_default() += amount;
        }
        given
    }

    fn hand_out(self: &Arc<Self>, key: BlockKey, block: &mut Block, answers: &mut Vec<(Waiter, Result<Ticket>)>) {
        while block.left > 0
            && let Some(waiter) = block.waiters.pop_front()
        {
            block.left -= 1;
            answers.push((waiter, Ok(Ticket::new(self, key, block.bucket_start))));
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
        let mut state = self.lock();
        let State { blocks, returns } = &mut *state;
        let block = blocks.entry(key).or_insert_with(Block::new);
        match lease {
            Ok(lease) if lease.amount > 0 => {
                if block.bucket_start != lease.bucket_start {
                    retire(key, block, returns, Timestamp::from_millis(i64::MAX));
                }
                block.bucket_start = lease.bucket_start;
                block.valid_until = now.plus(LEASE).min(lease.bucket_start.plus(key.1.bucket()));
                block.left += lease.amount;
                block.refusal = None;
                self.hand_out(key, block, &mut answers);
            }
            Ok(lease) => {
                // Something may have come back while the store was asked.
                self.hand_out(key, block, &mut answers);
                let oldest_bucket = lease.oldest_bucket;
                block.refusal = Some(Refusal { limit, until: now.plus(REFUSAL), oldest_bucket });
                let refuse = |waiter| (waiter, Err(exceeded(key.1, limit, oldest_bucket, now)));
                answers.extend(block.waiters.drain(..).map(refuse));
            }
            Err(error) => {
                self.hand_out(key, block, &mut answers);
                answers.extend(block.waiters.drain(..).map(|waiter| (waiter, Err(error.clone()))));
            }
        }
        block.is_leasing = !block.waiters.is_empty();
        (answers, !block.is_leasing)
    }

    /// An unspent ticket comes back: to its block while that lasts, else to the store.
    pub(super) fn take_back(&self, key: BlockKey, bucket_start: Timestamp) {
        let mut state = self.lock();
        match state.blocks.get_mut(&key) {
            Some(block) if block.bucket_start == bucket_start && self.clock.now() < block.valid_until => {
                block.left += 1;
            }
            _ => *state.returns.entry((key, bucket_start)).or_default() += 1,
        }
    }
}

/// Ends a block whose time is over: the rest is to be given back.
fn retire(key: BlockKey, block: &mut Block, returns: &mut HashMap<(BlockKey, Timestamp), u64>, now: Timestamp) {
    if now >= block.valid_until && block.left > 0 {
        *returns.entry((key, block.bucket_start)).or_default() += block.left;
        block.left = 0;
    }
    if block.refusal.as_ref().is_some_and(|refusal| now >= refusal.until) {
        block.refusal = None;
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
