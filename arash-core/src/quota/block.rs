//! What a node has leased, and where: the blocks it spends from, and the buckets it must keep leased.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::quota::reservation::Ticket;
use crate::quota::{BlockPlace, Lease, Period, QuotaScope};

pub(super) type BlockKey = (QuotaScope, Period);
pub(super) type Waiter = oneshot::Sender<Result<Ticket>>;

/// All that one node has of all quotas.
#[derive(Default)]
pub(super) struct Blocks {
    by_quota: HashMap<BlockKey, Block>,
    /// What is to be given back to the store.
    returns: HashMap<BlockPlace, u64>,
    /// Places that somebody still holds although no block is there any more.
    former: Vec<Arc<BlockPlace>>,
}

/// What is on its way back to the store: its place stays leased while this is held.
pub(super) type Return = (Arc<BlockPlace>, u64);

/// What a node has of one quota.
pub(super) struct Block {
    /// Where it was leased. Each ticket holds a clone, made under the lock of the blocks: so they are counted.
    pub(super) place: Arc<BlockPlace>,
    valid_until: Timestamp,
    pub(super) left: u64,
    /// The quota as whoever asked last knows it.
    limit: u64,
    pub(super) waiters: VecDeque<Waiter>,
    pub(super) is_leasing: bool,
    pub(super) refusal: Option<Refusal>,
}

/// The store's word that a quota is used up, which holds for a moment.
pub(super) struct Refusal {
    pub(super) limit: u64,
    pub(super) until: Timestamp,
    pub(super) oldest_bucket: Option<Timestamp>,
}

impl Blocks {
    /// The block of this quota as it is at `now`.
    pub(super) fn block(&mut self, key: BlockKey, now: Timestamp) -> &mut Block {
        let block = self.by_quota.entry(key).or_insert_with(|| Block::new(key));
        block.retire(&mut self.returns, now);
        block
    }

    /// The same for who knows the quota to be `limit`. Where that is lower than it was, what was leased before goes back:
    /// it may be more than there is now.
    pub(super) fn block_within(&mut self, key: BlockKey, limit: u64, now: Timestamp) -> &mut Block {
        let block = self.by_quota.entry(key).or_insert_with(|| Block::new(key));
        let is_lowered = limit < block.limit;
        block.limit = limit;
        if is_lowered {
            // What comes back from now on is no part of it either.
            block.valid_until = now;
        }
        block.retire(&mut self.returns, now);
        block
    }

    /// How many wait for this quota, and what it is.
    pub(super) fn waiting(&self, key: BlockKey) -> (u64, u64) {
        self.by_quota.get(&key).map_or((0, 0), |block| (block.waiters.len() as u64, block.limit))
    }

    /// Takes in what was leased of `limit`: the block is there, and moves to the lease's bucket. What was leased of a
    /// quota that has been lowered meanwhile goes back.
    pub(super) fn add(&mut self, key: BlockKey, lease: Lease, limit: u64, valid_until: Timestamp) {
        let block = self.by_quota.entry(key).or_insert_with(|| Block::new(key));
        if block.limit < limit {
            *self.returns.entry(*place(key, lease.bucket_start)).or_default() += lease.amount;
            return;
        }
        if block.place.bucket_start != lease.bucket_start {
            block.retire(&mut self.returns, Timestamp::from_millis(i64::MAX));
            let former = std::mem::replace(&mut block.place, place(key, lease.bucket_start));
            self.former.push(former);
        }
        block.valid_until = valid_until;
        block.left += lease.amount;
        block.refusal = None;
    }

    /// Takes back an unspent ticket: into its block while that lasts, else for the store.
    pub(super) fn take_back(&mut self, place: BlockPlace, now: Timestamp) {
        match self.by_quota.get_mut(&(place.scope, place.period)) {
            Some(block) if *block.place == place && now < block.valid_until => block.left += 1,
            _ => *self.returns.entry(place).or_default() += 1,
        }
    }

    /// Every place where something is: not handed out yet, in a ticket that is out, or not given back yet.
    pub(super) fn places(&mut self, now: Timestamp) -> Vec<BlockPlace> {
        self.retire(now);
        let blocks = self.by_quota.values().filter(|block| block.left > 0 || is_held(&block.place));
        let places = blocks.map(|block| &block.place).chain(&self.former).map(|place| **place);
        let places: BTreeSet<_> = places.chain(self.returns.keys().copied()).collect();
        places.into_iter().collect()
    }

    /// Ends every block whose time is over at `now`; what is to be given back then.
    pub(super) fn ended(&mut self, now: Timestamp) -> Vec<Return> {
        self.retire(now);
        self.by_quota
            .retain(|_, block| block.left > 0 || block.is_leasing || block.refusal.is_some() || is_held(&block.place));
        let ended = self.returns.drain().collect();
        self.on_the_way(ended)
    }

    /// What is to be given back of one quota.
    pub(super) fn ended_of(&mut self, key: BlockKey) -> Vec<Return> {
        let ended = self.returns.extract_if(|place, _| (place.scope, place.period) == key).collect();
        self.on_the_way(ended)
    }

    fn on_the_way(&mut self, ended: Vec<(BlockPlace, u64)>) -> Vec<Return> {
        let ended: Vec<_> = ended.into_iter().map(|(place, amount)| (Arc::new(place), amount)).collect();
        self.former.extend(ended.iter().map(|(place, _)| Arc::clone(place)));
        ended
    }

    fn retire(&mut self, now: Timestamp) {
        for block in self.by_quota.values_mut() {
            block.retire(&mut self.returns, now);
        }
        self.former.retain(is_held);
    }
}

impl Block {
    fn new(key: BlockKey) -> Self {
        Self {
            place: place(key, Timestamp::default()),
            valid_until: Timestamp::default(),
            left: 0,
            limit: 0,
            waiters: VecDeque::new(),
            is_leasing: false,
            refusal: None,
        }
    }

    /// Ends a block whose time is over: the rest is to be given back.
    fn retire(&mut self, returns: &mut HashMap<BlockPlace, u64>, now: Timestamp) {
        if now >= self.valid_until && self.left > 0 {
            *returns.entry(*self.place).or_default() += self.left;
            self.left = 0;
        }
        if self.refusal.as_ref().is_some_and(|refusal| now >= refusal.until) {
            self.refusal = None;
        }
    }
}

fn place((scope, period): BlockKey, bucket_start: Timestamp) -> Arc<BlockPlace> {
    Arc::new(BlockPlace { scope, period, bucket_start })
}

/// Whether anyone holds the place beside the one who asks.
fn is_held(place: &Arc<BlockPlace>) -> bool {
    Arc::strong_count(place) > 1
}
