//! What webhooks need of a store that goes wrong as a test has planned it.

use std::time::Duration;

use arash_core::Result;
use arash_core::clock::Timestamp;
use arash_core::id::{EventId, TeamId};
use arash_core::seal::{KeyMark, SealingKeyId};
use arash_core::team::ChangeContext;
use arash_core::webhook::{
    Attempt, ClaimedEvent, Delivery, DeliveryAttempt, DeliveryPage, Endpoint, EndpointChange, EndpointStore, Event,
    EventClaim, OutboxStore, Redelivery, Resealed, SealedSecret,
};
use async_trait::async_trait;

use super::Faulty;

#[async_trait]
impl EndpointStore for Faulty {
    async fn endpoint(&self, team: TeamId) -> Result<Option<Endpoint>> {
        self.inner.endpoint(team).await
    }

    async fn put_endpoint(&self, change: EndpointChange, by: &ChangeContext) -> Result<Endpoint> {
        self.inner.put_endpoint(change, by).await
    }

    async fn secrets_sealed_otherwise(
        &self,
        key: SealingKeyId,
        after: TeamId,
        limit: u32,
    ) -> Result<Vec<SealedSecret>> {
        self.inner.secrets_sealed_otherwise(key, after, limit).await
    }

    async fn reseal(&self, secrets: &[Resealed]) -> Result<u64> {
        self.inner.reseal(secrets).await
    }

    async fn sealing_keys(&self) -> Result<Vec<KeyMark>> {
        self.inner.sealing_keys().await
    }

    async fn register_sealing_key(&self, newest: KeyMark, ring: &[KeyMark], at: Timestamp) -> Result<Vec<KeyMark>> {
        self.inner.register_sealing_key(newest, ring, at).await
    }

    async fn forget_sealing_keys(&self, newest: SealingKeyId) -> Result<Vec<SealingKeyId>> {
        self.inner.forget_sealing_keys(newest).await
    }
}

#[async_trait]
impl OutboxStore for Faulty {
    async fn claim_events(&self, claim: &EventClaim) -> Result<Vec<ClaimedEvent>> {
        self.plan.claim_events.meet().await?;
        self.inner.claim_events(claim).await
    }

    async fn settle_attempts(&self, attempts: &[Attempt]) -> Result<()> {
        self.plan.settle_attempts.meet().await?;
        self.inner.settle_attempts(attempts).await?;
        self.plan.settle_attempts.lose_answer()
    }

    async fn record_test(&self, event: &Event, attempt: &Attempt) -> Result<()> {
        self.inner.record_test(event, attempt).await
    }

    async fn deliveries(&self, team: TeamId, page: DeliveryPage) -> Result<Vec<Delivery>> {
        self.inner.deliveries(team, page).await
    }

    async fn delivery(&self, team: TeamId, id: EventId) -> Result<Option<(Delivery, Vec<DeliveryAttempt>)>> {
        self.inner.delivery(team, id).await
    }

    async fn redeliver(&self, team: TeamId, which: Redelivery, by: &ChangeContext) -> Result<u64> {
        self.inner.redeliver(team, which, by).await
    }

    async fn forget_events(&self, now: Timestamp, kept: Duration, limit: u32) -> Result<u64> {
        self.inner.forget_events(now, kept, limit).await
    }
}
