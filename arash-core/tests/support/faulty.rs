//! A store that goes wrong as a test has planned it.

#[path = "faulty_webhooks.rs"]
mod webhooks;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arash_core::clock::Timestamp;
use arash_core::id::{ApiKeyId, BotId, NodeId, TeamId, UpdateId};
use arash_core::inbox::{ForgottenUpdates, InboxStore, InboxUpdate, NewUpdate, UpdateLease};
use arash_core::quota::{BlockPlace, Lease, LeaseRequest, Period, QuotaScope, QuotaStore};
use arash_core::session::{
    MessagePage, Session, SessionCounts, SessionFilter, SessionGroup, SessionKey, SessionPage, SessionStore,
    SessionSummary, SharedSessions, StoredMessage,
};
use arash_core::store::Store;
use arash_core::team::{
    AuditEntry, AuditPage, ChangeContext, Changed, KeyChange, KeyDigest, KeyMatch, KeyOwner, KeyRotation, NewApiKey,
    NewTeam, PageAfter, Team, TeamChange, TeamStore,
};
use arash_core::turn::{BeginOutcome, CommitOutcome, IdempotencyKey, StartedTurn, StoredTurn, TurnCommit, TurnStore};
use arash_core::usage::{HourlyUsage, UsageFilter, UsagePage, UsageRecord, UsageStore};
use arash_core::{Error, Result};
use async_trait::async_trait;
use futures_util::future::BoxFuture;

use crate::stores::TestStore;

/// What goes wrong, method by method.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) key_by_digest: Faults,
    pub(crate) load: Faults,
    pub(crate) lease: Faults,
    pub(crate) begin: Faults,
    pub(crate) commit: Faults,
    pub(crate) health: Faults,
    pub(crate) upkeep: Faults,
    pub(crate) claim_events: Faults,
    pub(crate) settle_attempts: Faults,
}

/// The faults of one method: each call meets the next one, if there is one, before it does its work.
#[derive(Default)]
pub(crate) struct Faults {
    planned: Mutex<VecDeque<BoxFuture<'static, Result<()>>>>,
    /// So many calls do their work and fail all the same.
    pub(crate) lost_answers: AtomicUsize,
    /// Every call fails as if storage was away.
    pub(crate) is_away: AtomicBool,
    calls: AtomicUsize,
}

impl Faults {
    /// Adds a fault: what the call waits for, and then its error or its panic.
    pub(crate) fn push(&self, fault: impl Future<Output = Result<()>> + Send + 'static) {
        self.planned.lock().unwrap().push_back(Box::pin(fault));
    }

    fn lose_answer(&self) -> Result<()> {
        let lost = self.lost_answers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if lost.is_ok() { Err(Error::unavailable("the test lost the answer")) } else { Ok(()) }
    }

    /// How many calls there were so far.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    async fn meet(&self) -> Result<()> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.is_away.load(Ordering::SeqCst) {
            return Err(Error::unavailable("the test took the store away"));
        }
        let fault = self.planned.lock().unwrap().pop_front();
        match fault {
            Some(fault) => fault.await,
            None => Ok(()),
        }
    }
}

/// The same store with faults, and their plan.
pub(crate) fn faulty(store: TestStore) -> (TestStore, Arc<Plan>) {
    let plan = Arc::new(Plan::default());
    let faulty = Faulty { inner: store.store, plan: Arc::clone(&plan) };
    (TestStore { store: Arc::new(faulty), home: store.home }, plan)
}

struct Faulty {
    inner: Arc<dyn Store>,
    plan: Arc<Plan>,
}

#[async_trait]
impl Store for Faulty {
    async fn health(&self) -> Result<()> {
        self.plan.health.meet().await?;
        self.inner.health().await
    }

    async fn take_over(&self, now: Timestamp) -> Result<bool> {
        self.inner.take_over(now).await
    }

    async fn upkeep(&self, now: Timestamp) -> Result<()> {
        self.plan.upkeep.meet().await?;
        self.inner.upkeep(now).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

#[async_trait]
impl TeamStore for Faulty {
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
        self.plan.key_by_digest.meet().await?;
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
impl SessionStore for Faulty {
    fn shared(&self) -> Option<&dyn SharedSessions> {
        self.inner.shared()
    }

    async fn load(&self, key: &SessionKey, window: usize, now: Timestamp) -> Result<Option<Session>> {
        self.plan.load.meet().await?;
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
impl QuotaStore for Faulty {
    async fn lease(&self, request: LeaseRequest) -> Result<Lease> {
        self.plan.lease.meet().await?;
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
impl UsageStore for Faulty {
    async fn usage_records(&self, filter: UsageFilter, page: UsagePage) -> Result<Vec<UsageRecord>> {
        self.inner.usage_records(filter, page).await
    }

    async fn usage_hours(&self, filter: UsageFilter, from: Timestamp, to: Timestamp) -> Result<Vec<HourlyUsage>> {
        self.inner.usage_hours(filter, from, to).await
    }
}

#[async_trait]
impl TurnStore for Faulty {
    async fn begin(&self, turns: &[StartedTurn]) -> Result<Vec<BeginOutcome>> {
        self.plan.begin.meet().await?;
        let outcomes = self.inner.begin(turns).await;
        self.plan.begin.lose_answer()?;
        outcomes
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
        self.plan.commit.meet().await?;
        let outcomes = self.inner.commit(turns).await;
        self.plan.commit.lose_answer()?;
        outcomes
    }

    async fn find_turn(&self, key: &IdempotencyKey) -> Result<Option<StoredTurn>> {
        self.inner.find_turn(key).await
    }

    async fn forget_receipts(&self, until: Timestamp) -> Result<()> {
        self.inner.forget_receipts(until).await
    }
}

#[async_trait]
impl InboxStore for Faulty {
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
