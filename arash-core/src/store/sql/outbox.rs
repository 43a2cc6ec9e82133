use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{EventId, TeamId};
use crate::store::Durability;
use crate::store::sql::SqlStore;
use crate::store::sql::attempts::{Settlement, write_test};
use crate::store::sql::{deliveries, event_claims};
use crate::team::ChangeContext;
use crate::webhook::{
    Attempt, ClaimedEvent, Delivery, DeliveryAttempt, DeliveryPage, Event, EventClaim, OutboxStore, Redelivery,
};

#[async_trait]
impl OutboxStore for SqlStore {
    async fn claim_events(&self, claim: &EventClaim) -> Result<Vec<ClaimedEvent>> {
        let claim = *claim;
        // A claim that is lost with the machine's power is made anew.
        self.db
            .transact_with(Durability::Process, "claim_events", move |tx| Box::pin(event_claims::claim(tx, claim)))
            .await
    }

    async fn settle_attempts(&self, attempts: &[Attempt]) -> Result<()> {
        if attempts.is_empty() {
            return Ok(());
        }
        let settlement = Arc::new(Settlement::of(attempts));
        let durability = if settlement.switches_off() { Durability::Full } else { Durability::Process };
        self.db
            .transact_with(durability, "settle_attempts", move |tx| {
                let settlement = Arc::clone(&settlement);
                Box::pin(async move { settlement.write(tx).await })
            })
            .await
    }

    async fn record_test(&self, event: &Event, attempt: &Attempt) -> Result<()> {
        let test = Arc::new((event.clone(), attempt.clone()));
        self.db
            .transact("record_test", move |tx| {
                let test = Arc::clone(&test);
                Box::pin(async move { write_test(tx, &test.0, &test.1).await })
            })
            .await
    }

    async fn deliveries(&self, team: TeamId, page: DeliveryPage) -> Result<Vec<Delivery>> {
        deliveries::page(&self.db, team, page).await
    }

    async fn delivery(&self, team: TeamId, id: EventId) -> Result<Option<(Delivery, Vec<DeliveryAttempt>)>> {
        deliveries::with_attempts(&self.db, team, id).await
    }

    async fn redeliver(&self, team: TeamId, which: Redelivery, by: &ChangeContext) -> Result<u64> {
        let by = by.clone();
        self.db
            .transact("redeliver", move |tx| {
                let by = by.clone();
                Box::pin(async move { deliveries::redeliver(tx, team, which, &by).await })
            })
            .await
    }

    async fn forget_events(&self, now: Timestamp, kept: Duration, limit: u32) -> Result<u64> {
        #[cfg(feature = "postgres")]
        if let Some(db) = self.db.postgres() {
            use crate::store::sql::partitions::{OF_EVENTS, drop_ended};
            drop_ended(db, &OF_EVENTS, now.minus(kept)).await?;
        }
        let forgotten =
            self.db.transact("forget_events", move |tx| Box::pin(deliveries::forget(tx, now, kept, limit))).await?;
        if forgotten > 0 {
            self.note_deletion();
        }
        Ok(forgotten)
    }
}
