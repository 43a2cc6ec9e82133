use std::time::Duration;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{EventId, TeamId};
use crate::team::ChangeContext;
use crate::webhook::{Attempt, ClaimedEvent, Delivery, DeliveryAttempt, DeliveryPage, Event, EventClaim, Redelivery};

/// What the outbox needs from storage. An event is written together with its cause, by
/// [`TurnStore::commit`](crate::turn::TurnStore::commit), by what changes keys in
/// [`TeamStore`](crate::team::TeamStore) and by [`QuotaStore::lease`](crate::quota::QuotaStore::lease); the latter two
/// write it only if the team's endpoint wants such events.
///
/// Every method may fail with [`Unavailable`](crate::ErrorKind::Unavailable) when storage cannot be reached.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// Leases events that are due to a node: no other gets them until the lease ends. Which ones, of those of endpoints
    /// that are switched on, [`LeasedEvents::choose`](crate::webhook::LeasedEvents::choose) tells.
    async fn claim_events(&self, claim: &EventClaim) -> Result<Vec<ClaimedEvent>>;

    /// Writes what came of attempts, all or none. Written again, they change nothing.
    ///
    /// Each attempt that was sent is in the log, unless its event is gone. An event that was claimed since, or is no longer
    /// pending, stays as it is; but one that was delivered is delivered, whoever had it last. One that was asked for again
    /// meanwhile, so that fewer attempts are counted of it than this was, stays due unless it was delivered. What the
    /// attempts tell of
    /// their endpoints ([`EndpointNews`](crate::webhook::EndpointNews)) is noted of those that nobody changed since: success
    /// ends the failing, a failure begins it; one that is switched off moves the key epoch on and has its entry in the audit
    /// log.
    async fn settle_attempts(&self, attempts: &[Attempt]) -> Result<()>;

    /// Writes an event that was sent at once and waits for nothing: a test. Its attempt tells how it ended. Success ends
    /// the failing of the endpoint; a failure does not begin it.
    async fn record_test(&self, event: &Event, attempt: &Attempt) -> Result<()>;

    /// The delivery log of a team.
    async fn deliveries(&self, team: TeamId, page: DeliveryPage) -> Result<Vec<Delivery>>;

    /// An event of a team with its attempts, the oldest first.
    async fn delivery(&self, team: TeamId, id: EventId) -> Result<Option<(Delivery, Vec<DeliveryAttempt>)>>;

    /// Has events of a team sent again, at once and with attempts that count anew; returns how many. One that a node has
    /// is that node's still: it is sent again after the attempt that runs, if that does not deliver it. The line in the
    /// audit log tells what was asked for.
    async fn redeliver(&self, team: TeamId, which: Redelivery, by: &ChangeContext) -> Result<u64>;

    /// Ends up to `limit` events that are in their state for longer than `kept` at `now`, those first that are so longest;
    /// returns how many. Those that were delivered, or are dead, are deleted with their attempts. Those that wait, since
    /// they happened or were asked for again, are dead from `now` on, and kept as long as others from then on. Attempts
    /// that are older than `kept` may go before their event.
    async fn forget_events(&self, now: Timestamp, kept: Duration, limit: u32) -> Result<u64>;
}
