use std::fmt;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::quota::keeper::Inner;
use crate::quota::{BlockPlace, QuotaSpend};

/// One request of one block; goes back to it when dropped unspent.
pub(super) struct Ticket {
    keeper: Arc<Inner>,
    /// As long as this is held, the keeper keeps the place leased.
    place: Arc<BlockPlace>,
    is_spent: bool,
}

impl Ticket {
    pub(super) fn new(keeper: &Arc<Inner>, place: &Arc<BlockPlace>) -> Self {
        Self { keeper: Arc::clone(keeper), place: Arc::clone(place), is_spent: false }
    }

    /// The bucket that the request counts in.
    pub(super) fn bucket_start(&self) -> Timestamp {
        self.place.bucket_start
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.is_spent {
            self.keeper.take_back(*self.place);
        }
    }
}

/// One admitted request. Dropped, it was never used; see [`Reservation::spends`] and [`Reservation::settle`].
#[must_use = "a reservation that is dropped is given back"]
pub struct Reservation {
    pub(super) tickets: Vec<Ticket>,
    pub(super) spends: Vec<QuotaSpend>,
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation").field("spends", &self.spends).finish_non_exhaustive()
    }
}

impl Reservation {
    /// What the turn's commit has to write for this request to count.
    pub fn spends(&self) -> &[QuotaSpend] {
        &self.spends
    }

    /// The commit is durable: nothing goes back.
    pub fn settle(mut self) {
        for ticket in &mut self.tickets {
            ticket.is_spent = true;
        }
    }

    /// Nobody knows whether the commit was written: the request is neither spent again nor given back. If it was not
    /// written, its lease ends in its time, so the quota is tighter for a minute, never wider.
    pub fn abandon(self) {
        self.settle();
    }
}
