use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::{EventId, TeamId};
use crate::store::sql::SqlStore;
use crate::team::ChangeContext;
use crate::webhook::{
    Attempt, ClaimedEvent, Delivery, DeliveryAttempt, DeliveryPage, Event, EventClaim, OutboxStore, Redelivery,
};

fn not_yet() -> Error {
    Error::internal("a SQL database does not keep an outbox yet")
}

#[async_trait]
impl OutboxStore for SqlStore {
    async fn claim_events(&self, _: &EventClaim) -> Result<Vec<ClaimedEvent>> {
        Err(not_yet())
    }

    async fn settle_attempts(&self, _: &[Attempt]) -> Result<()> {
        Err(not_yet())
    }

    async fn record_test(&self, _: &Event, _: &Attempt) -> Result<()> {
        Err(not_yet())
    }

    async fn deliveries(&self, _: TeamId, _: DeliveryPage) -> Result<Vec<Delivery>> {
        Err(not_yet())
    }

    async fn delivery(&self, _: TeamId, _: EventId) -> Result<Option<(Delivery, Vec<DeliveryAttempt>)>> {
        Err(not_yet())
    }

    async fn redeliver(&self, _: TeamId, _: Redelivery, _: &ChangeContext) -> Result<u64> {
        Err(not_yet())
    }

    async fn forget_events(&self, _: Timestamp, _: u32) -> Result<u64> {
        Err(not_yet())
    }
}
