//! A store of one's own: it keeps a journal of every turn beside another store, and passes the conformance suite.
//!
//! `cargo run -p arash-examples --example own_store`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arash_core::clock::Timestamp;
use arash_core::id::{ApiKeyId, BotId, EventId, NodeId, TeamId, UpdateId};
use arash_core::inbox::{ForgottenUpdates, InboxStore, InboxUpdate, NewUpdate, UpdateLease};
use arash_core::quota::{BlockPlace, Lease, LeaseRequest, Period, QuotaScope, QuotaStore};
use arash_core::seal::{KeyMark, SealingKeyId};
use arash_core::session::{
    MessagePage, Session, SessionCounts, SessionFilter, SessionGroup, SessionKey, SessionPage, SessionStore,
    SessionSummary, SharedSessions, StoredMessage,
};
use arash_core::store::{MemoryStore, Store};
use arash_core::team::{
    AuditEntry, AuditPage, ChangeContext, Changed, KeyChange, KeyDigest, KeyMatch, KeyOwner, KeyRotation, NewApiKey,
    NewTeam, PageAfter, Team, TeamChange, TeamStore,
};
use arash_core::testing::store::CASES;
use arash_core::turn::{BeginOutcome, CommitOutcome, IdempotencyKey, StartedTurn, StoredTurn, TurnCommit, TurnStore};
use arash_core::usage::{HourlyUsage, UsageFilter, UsagePage, UsageRecord, UsageStore};
use arash_core::webhook::{
    Attempt, ClaimedEvent, Delivery, DeliveryAttempt, DeliveryPage, Endpoint, EndpointChange, EndpointStore, Event,
    EventClaim, OutboxStore, Redelivery, Resealed, SealedSecret,
};
use arash_core::{Engine, IncomingMessage, Platform, Result};
use async_trait::async_trait;

/// Any store, with a line in a journal for every turn that it committed.
#[derive(Clone)]
struct Journaled<S> {
    inner: S,
    journal: Arc<Mutex<Vec<String>>>,
}

impl<S> Journaled<S> {
    fn new(inner: S) -> Self {
        Self { inner, journal: Arc::default() }
    }

    fn lines(&self) -> Vec<String> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The port that does more than pass on: what a turn changes comes in as one value, so it is seen in one place.
#[async_trait]
impl<S: Store> TurnStore for Journaled<S> {
    async fn begin(&self, turns: &[StartedTurn]) -> Result<Vec<BeginOutcome>> {
        self.inner.begin(turns).await
    }

    async fn renew_turns(&self, turns: &[StartedTurn]) -> Result<()> {
        self.inner.renew_turns(turns).await
    }

    async fn lost_turns(&self, now: Timestamp, limit: u32) -> Result<Vec<StartedTurn>> {
        self.inner.lost_turns(now, limit).await
    }

    async fn purge_turns(&self, until: Timestamp) -> Result<()> {
        self.inner.purge_turns(until).await
    }

    async fn commit(&self, turns: &[TurnCommit]) -> Result<Vec<CommitOutcome>> {
        let outcomes = self.inner.commit(turns).await?;
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        for (turn, outcome) in turns.iter().zip(&outcomes) {
            if *outcome == CommitOutcome::Committed {
                let usage = &turn.usage;
                journal.push(format!("{} on {}: {} tokens", usage.kind.as_str(), usage.platform, usage.tokens.total()));
            }
        }
        Ok(outcomes)
    }

    async fn find_turn(&self, key: &IdempotencyKey) -> Result<Option<StoredTurn>> {
        self.inner.find_turn(key).await
    }

    async fn forget_receipts(&self, until: Timestamp) -> Result<()> {
        self.inner.forget_receipts(until).await
    }
}

#[async_trait]
impl<S: Store> Store for Journaled<S> {
    async fn health(&self) -> Result<()> {
        self.inner.health().await
    }

    async fn take_over(&self, now: Timestamp) -> Result<bool> {
        self.inner.take_over(now).await
    }

    async fn upkeep(&self, now: Timestamp) -> Result<()> {
        self.inner.upkeep(now).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

#[async_trait]
impl<S: Store> TeamStore for Journaled<S> {
    async fn create_team(&self, team: NewTeam, by: &ChangeContext) -> Result<Changed<Team>> {
        self.inner.create_team(team, by).await
    }

    async fn team(&self, id: TeamId) -> Result<Option<Team>> {
        self.inner.team(id).await
    }

    async fn teams(&self, active_only: bool, page: PageAfter) -> Result<Vec<Team>> {
        self.inner.teams(active_only, page).await
    }

    async fn update_team(&self, id: TeamId, change: TeamChange, by: &ChangeContext) -> Result<Team> {
        self.inner.update_team(id, change, by).await
    }

    async fn create_key(&self, key: NewApiKey, by: &ChangeContext) -> Result<Changed<KeyOwner>> {
        self.inner.create_key(key, by).await
    }

    async fn key(&self, id: ApiKeyId) -> Result<Option<KeyOwner>> {
        self.inner.key(id).await
    }

    async fn key_by_digest(&self, digest: &KeyDigest) -> Result<Option<KeyMatch>> {
        self.inner.key_by_digest(digest).await
    }

    async fn keys(&self, team: Option<TeamId>, page: PageAfter) -> Result<Vec<KeyOwner>> {
        self.inner.keys(team, page).await
    }

    async fn update_key(&self, id: ApiKeyId, change: KeyChange, by: &ChangeContext) -> Result<KeyOwner> {
        self.inner.update_key(id, change, by).await
    }

    async fn rotate_key(&self, id: ApiKeyId, rotation: KeyRotation, by: &ChangeContext) -> Result<Changed<KeyOwner>> {
        self.inner.rotate_key(id, rotation, by).await
    }

    async fn delete_key(&self, id: ApiKeyId, by: &ChangeContext) -> Result<()> {
        self.inner.delete_key(id, by).await
    }

    async fn create_first_key(&self, team: NewTeam, key: NewApiKey, by: &ChangeContext) -> Result<Option<KeyOwner>> {
        self.inner.create_first_key(team, key, by).await
    }

    async fn key_epoch(&self) -> Result<u64> {
        self.inner.key_epoch().await
    }

    async fn audit_log(&self, team: Option<TeamId>, page: AuditPage) -> Result<Vec<AuditEntry>> {
        self.inner.audit_log(team, page).await
    }
}

#[async_trait]
impl<S: Store> SessionStore for Journaled<S> {
    fn shared(&self) -> Option<&dyn SharedSessions> {
        self.inner.shared()
    }

    async fn load(&self, key: &SessionKey, window: usize, now: Timestamp) -> Result<Option<Session>> {
        self.inner.load(key, window, now).await
    }

    async fn messages(
        &self,
        key: &SessionKey,
        page: MessagePage,
        now: Timestamp,
    ) -> Result<Option<Vec<StoredMessage>>> {
        self.inner.messages(key, page, now).await
    }

    async fn sessions(&self, filter: &SessionFilter, page: SessionPage, now: Timestamp) -> Result<Vec<SessionSummary>> {
        self.inner.sessions(filter, page, now).await
    }

    async fn count_sessions(
        &self,
        filter: &SessionFilter,
        active_since: Timestamp,
        now: Timestamp,
    ) -> Result<SessionCounts> {
        self.inner.count_sessions(filter, active_since, now).await
    }

    async fn session_groups(&self, active_since: Timestamp, now: Timestamp) -> Result<Vec<SessionGroup>> {
        self.inner.session_groups(active_since, now).await
    }

    async fn delete_session(&self, key: &SessionKey, now: Timestamp) -> Result<bool> {
        self.inner.delete_session(key, now).await
    }

    async fn purge_expired(&self, now: Timestamp, limit: u32) -> Result<u64> {
        self.inner.purge_expired(now, limit).await
    }
}

#[async_trait]
impl<S: Store> QuotaStore for Journaled<S> {
    async fn lease(&self, request: LeaseRequest) -> Result<Lease> {
        self.inner.lease(request).await
    }

    async fn give_back(
        &self,
        node: NodeId,
        scope: QuotaScope,
        period: Period,
        bucket_start: Timestamp,
        amount: u64,
    ) -> Result<()> {
        self.inner.give_back(node, scope, period, bucket_start, amount).await
    }

    async fn renew(&self, node: NodeId, blocks: &[BlockPlace], until: Timestamp) -> Result<()> {
        self.inner.renew(node, blocks, until).await
    }

    async fn reclaim(&self, now: Timestamp) -> Result<u64> {
        self.inner.reclaim(now).await
    }

    async fn used(&self, scope: QuotaScope, period: Period, now: Timestamp) -> Result<(u64, Option<Timestamp>)> {
        self.inner.used(scope, period, now).await
    }

    async fn purge_buckets(&self, now: Timestamp) -> Result<()> {
        self.inner.purge_buckets(now).await
    }
}

#[async_trait]
impl<S: Store> UsageStore for Journaled<S> {
    async fn usage_records(&self, filter: UsageFilter, page: UsagePage) -> Result<Vec<UsageRecord>> {
        self.inner.usage_records(filter, page).await
    }

    async fn usage_hours(&self, filter: UsageFilter, from: Timestamp, to: Timestamp) -> Result<Vec<HourlyUsage>> {
        self.inner.usage_hours(filter, from, to).await
    }
}

#[async_trait]
impl<S: Store> EndpointStore for Journaled<S> {
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
impl<S: Store> OutboxStore for Journaled<S> {
    async fn claim_events(&self, claim: &EventClaim) -> Result<Vec<ClaimedEvent>> {
        self.inner.claim_events(claim).await
    }

    async fn settle_attempts(&self, attempts: &[Attempt]) -> Result<()> {
        self.inner.settle_attempts(attempts).await
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

#[async_trait]
impl<S: Store> InboxStore for Journaled<S> {
    async fn receive_updates(&self, bot: BotId, updates: &[NewUpdate], lease: UpdateLease) -> Result<Vec<UpdateId>> {
        self.inner.receive_updates(bot, updates, lease).await
    }

    async fn claim_updates(&self, bot: BotId, lease: UpdateLease, limit: u32) -> Result<Vec<InboxUpdate>> {
        self.inner.claim_updates(bot, lease, limit).await
    }

    async fn renew_updates(&self, bot: BotId, ids: &[UpdateId], until: Timestamp) -> Result<()> {
        self.inner.renew_updates(bot, ids, until).await
    }

    async fn note_progress(&self, bot: BotId, id: UpdateId, progress: &str) -> Result<()> {
        self.inner.note_progress(bot, id, progress).await
    }

    async fn release_updates(&self, bot: BotId, ids: &[UpdateId]) -> Result<()> {
        self.inner.release_updates(bot, ids).await
    }

    async fn finish_updates(&self, bot: BotId, ids: &[UpdateId]) -> Result<()> {
        self.inner.finish_updates(bot, ids).await
    }

    async fn waiting_updates(&self, bot: BotId) -> Result<u64> {
        self.inner.waiting_updates(bot).await
    }

    async fn forget_updates(&self, before: Timestamp, limit: u32) -> Result<ForgottenUpdates> {
        self.inner.forget_updates(before, limit).await
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    // What an own crate writes as a test: `arash_core::store_conformance!(…)`. Here the cases run by hand.
    for (_, case) in CASES {
        case(Arc::new(Journaled::new(MemoryStore::default()))).await;
    }
    println!("{} cases of the conformance suite passed", CASES.len());

    let store = Journaled::new(MemoryStore::default());
    let engine = Engine::builder()
        .platform(Platform::private("internal").models(["offline/assistant"]))
        .store(store.clone())
        .build()
        .await?;
    for text in ["Hello", "/status"] {
        engine.process(IncomingMessage::text("internal", "user-1", "chat-1", text)).await?;
    }
    engine.shutdown(Duration::from_secs(5)).await;
    for line in store.lines() {
        println!("{line}");
    }
    Ok(())
}
