use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventKind, EventKinds};
use crate::id::{ApiKeyId, AuditId, TeamId};
use crate::idempotency::{IdempotencyKey, RequestDigest};
use crate::quota::{Period, QuotaScope, QuotaThreshold};
use crate::store::MemoryStore;
use crate::store::memory::MAX_RECORDS;
use crate::team::{
    ApiKey, AuditEntry, AuditPage, ChangeContext, Changed, KeyChange, KeyDigest, KeyMatch, KeyOwner, KeyRotation,
    NewApiKey, NewTeam, PageAfter, Team, TeamChange, TeamStore, name_taken, no_such_key, no_such_team,
};
use crate::webhook::{Endpoint, Event, order_of_key};

/// Teams, keys and what was done to them. No team is ever removed, so their ids count up from 1.
#[derive(Default)]
pub(super) struct Teams {
    by_id: BTreeMap<TeamId, Team>,
    names: HashMap<String, TeamId>,
    keys: BTreeMap<ApiKeyId, KeyEntry>,
    /// Of present and previous secrets.
    digests: HashMap<KeyDigest, ApiKeyId>,
    epoch: u64,
    /// An id is given once, also after its key was deleted.
    last_key_id: i64,
    /// The newest entries.
    audit: BTreeMap<AuditId, AuditEntry>,
    /// What changes that may be repeated came to.
    receipts: HashMap<IdempotencyKey, Receipt>,
}

struct KeyEntry {
    key: ApiKey,
    digest: KeyDigest,
    previous: Option<KeyDigest>,
}

struct Receipt {
    digest: RequestDigest,
    text: String,
    at: Timestamp,
}

impl Teams {
    /// What an earlier change under the same idempotency key came to.
    fn earlier<T: DeserializeOwned>(&self, by: &ChangeContext) -> Result<Option<Changed<T>>> {
        let kept = by.idempotency.as_ref().and_then(|(key, _)| self.receipts.get(key));
        kept.map(|kept| by.repeated(Some(kept.digest), Some(&kept.text))).transpose()
    }

    /// Writes down that something was done: in the audit log, and for repetitions of it.
    fn record<T: Serialize>(&mut self, entry: AuditEntry, by: &ChangeContext, result: T) -> Result<Changed<T>> {
        let changed = Changed::new(result);
        if let Some((key, digest)) = by.idempotency.clone() {
            self.receipts.insert(key, Receipt { digest, text: changed.receipt()?, at: by.at });
        }
        self.note(entry);
        Ok(changed)
    }

    pub(super) fn note(&mut self, entry: AuditEntry) {
        self.audit.insert(entry.id, entry);
        while self.audit.len() > MAX_RECORDS {
            self.audit.pop_first();
        }
    }

    fn add_team(&mut self, new: NewTeam, at: Timestamp) -> Result<Team> {
        if self.names.contains_key(&new.name) {
            return Err(name_taken(&new.name));
        }
        let id = TeamId(self.by_id.len() as i64 + 1);
        self.names.insert(new.name.clone(), id);
        let team = Team::from_new(id, new, at);
        self.by_id.insert(id, team.clone());
        Ok(team)
    }

    fn create_team(&mut self, new: NewTeam, by: &ChangeContext) -> Result<Changed<Team>> {
        if let Some(earlier) = self.earlier(by)? {
            return Ok(earlier);
        }
        let team = self.add_team(new, by.at)?;
        self.record(AuditEntry::created(&team, by), by, team)
    }

    fn update_team(&mut self, id: TeamId, change: &TeamChange, by: &ChangeContext) -> Result<Team> {
        let before = self.by_id.get(&id).ok_or_else(|| no_such_team(id))?;
        let Some((after, entry)) = change.on(before, by)? else { return Ok(before.clone()) };
        if after.name != before.name {
            if self.names.contains_key(&after.name) {
                return Err(name_taken(&after.name));
            }
            self.names.remove(&before.name);
            self.names.insert(after.name.clone(), id);
        }
        self.by_id.insert(id, after.clone());
        self.note(entry);
        self.epoch += 1;
        Ok(after)
    }

    fn require_new_digest(&self, digest: &KeyDigest) -> Result<()> {
        if self.digests.contains_key(digest) {
            return Err(Error::new(ErrorKind::AlreadyExists, "this key is in the store already"));
        }
        Ok(())
    }

    fn add_key(&mut self, new: NewApiKey, at: Timestamp) -> Result<KeyOwner> {
        let team = self.require(new.team_id)?.clone();
        self.require_new_digest(&new.digest)?;
        self.last_key_id += 1;
        let (id, digest) = (ApiKeyId(self.last_key_id), new.digest);
        self.digests.insert(digest, id);
        let key = ApiKey::from_new(id, new, at);
        self.keys.insert(id, KeyEntry { key: key.clone(), digest, previous: None });
        Ok(KeyOwner { key, team })
    }

    fn create_key(&mut self, new: NewApiKey, by: &ChangeContext) -> Result<Changed<KeyOwner>> {
        if let Some(earlier) = self.earlier(by)? {
            return Ok(earlier);
        }
        let owner = self.add_key(new, by.at)?;
        self.record(AuditEntry::created(&owner.key, by), by, owner)
    }

    fn update_key(&mut self, id: ApiKeyId, change: &KeyChange, by: &ChangeContext) -> Result<KeyOwner> {
        let kept = self.keys.get_mut(&id).ok_or_else(|| no_such_key(id))?;
        if let Some((after, entry)) = change.on(&kept.key, by)? {
            kept.key = after;
            self.note(entry);
            self.epoch += 1;
        }
        self.owner_of(id)
    }

    fn rotate_key(&mut self, id: ApiKeyId, rotation: &KeyRotation, by: &ChangeContext) -> Result<Changed<KeyOwner>> {
        if let Some(earlier) = self.earlier(by)? {
            return Ok(earlier);
        }
        let kept = self.keys.get(&id).ok_or_else(|| no_such_key(id))?;
        let (after, entry) = rotation.on(&kept.key, by)?;
        self.require_new_digest(&rotation.digest)?;
        let has_previous = after.previous_expires_at.is_some();
        let new = KeyEntry { key: after, digest: rotation.digest, previous: has_previous.then_some(kept.digest) };
        self.digests.retain(|_, owner| *owner != id);
        self.digests.extend(new.previous.into_iter().chain([new.digest]).map(|digest| (digest, id)));
        self.keys.insert(id, new);
        self.epoch += 1;
        let owner = self.owner_of(id)?;
        self.record(entry, by, owner)
    }

    fn delete_key(&mut self, id: ApiKeyId, by: &ChangeContext) -> Result<()> {
        let kept = self.keys.get(&id).ok_or_else(|| no_such_key(id))?;
        by.actor.require_over(&kept.key)?;
        let entry = AuditEntry::deleted(&kept.key, by);
        self.keys.remove(&id);
        self.digests.retain(|_, owner| *owner != id);
        self.note(entry);
        self.epoch += 1;
        Ok(())
    }

    fn add_first_key(&mut self, team: NewTeam, key: NewApiKey, by: &ChangeContext) -> Result<Option<KeyOwner>> {
        if !self.keys.is_empty() {
            return Ok(None);
        }
        let team_id = if let Some(&id) = self.names.get(&team.name) {
            id
        } else {
            let team = self.add_team(team, by.at)?;
            self.note(AuditEntry::created(&team, by));
            team.id
        };
        let owner = self.add_key(NewApiKey { team_id, ..key }, by.at)?;
        self.note(AuditEntry::created(&owner.key, by));
        Ok(Some(owner))
    }

    fn owner(&self, key: &ApiKey) -> Option<KeyOwner> {
        self.by_id.get(&key.team_id).map(|team| KeyOwner { key: key.clone(), team: team.clone() })
    }

    fn owner_of(&self, id: ApiKeyId) -> Result<KeyOwner> {
        self.keys.get(&id).and_then(|kept| self.owner(&kept.key)).ok_or_else(|| no_such_key(id))
    }

    fn matching(&self, digest: &KeyDigest) -> Option<KeyMatch> {
        let kept = self.digests.get(digest).and_then(|id| self.keys.get(id))?;
        let owner = self.owner(&kept.key)?;
        Some(if kept.digest == *digest { KeyMatch::present(owner) } else { KeyMatch::previous(owner) })
    }

    /// The team `id`, which there has to be.
    pub(super) fn require(&self, id: TeamId) -> Result<&Team> {
        self.by_id.get(&id).ok_or_else(|| no_such_team(id))
    }

    /// Whose quota it is, if that team wants to be told and the quota is still the one that the node knows.
    pub(super) fn to_tell_of(&self, threshold: &QuotaThreshold) -> Option<TeamId> {
        let (team, [daily, monthly]) = match threshold.scope {
            QuotaScope::Team(id) => {
                let team = self.by_id.get(&id)?;
                (team, [team.daily_quota, team.monthly_quota])
            }
            QuotaScope::Key(id) => {
                let key = &self.keys.get(&id)?.key;
                (self.by_id.get(&key.team_id)?, [key.daily_quota, key.monthly_quota])
            }
        };
        let quota = match threshold.period {
            Period::Daily => daily,
            Period::Monthly => monthly,
        };
        let is_told = quota == Some(threshold.limit) && team.webhook_events.contains(EventKind::QuotaThreshold);
        is_told.then_some(team.id)
    }

    /// Notes what became of a team's endpoint.
    pub(super) fn set_webhook(&mut self, endpoint: &Endpoint, entry: AuditEntry) {
        if let Some(team) = self.by_id.get_mut(&endpoint.team_id) {
            team.webhook_enabled = endpoint.enabled;
            team.webhook_events = if endpoint.enabled { endpoint.events } else { EventKinds::NONE };
        }
        self.note(entry);
        self.epoch += 1;
    }

    /// Notes that a key answered for a message.
    pub(super) fn touch(&mut self, id: ApiKeyId, at: Timestamp) {
        if let Some(kept) = self.keys.get_mut(&id) {
            kept.key.last_used_at = Some(at);
        }
    }

    /// Forgets what changes until then came to.
    pub(super) fn forget_receipts(&mut self, until: Timestamp) {
        self.receipts.retain(|_, kept| kept.at > until);
    }
}

#[async_trait]
impl TeamStore for MemoryStore {
    async fn create_team(&self, team: NewTeam, by: &ChangeContext) -> Result<Changed<Team>> {
        self.lock().teams.create_team(team, by)
    }

    async fn team(&self, id: TeamId) -> Result<Option<Team>> {
        Ok(self.lock().teams.by_id.get(&id).cloned())
    }

    async fn teams(&self, active_only: bool, page: PageAfter) -> Result<Vec<Team>> {
        let state = self.lock();
        let later = state.teams.by_id.range((Bound::Excluded(TeamId(page.after)), Bound::Unbounded));
        let wanted = later.map(|(_, team)| team).filter(|team| team.is_active || !active_only);
        Ok(wanted.take(page.limit as usize).cloned().collect())
    }

    async fn update_team(&self, id: TeamId, change: TeamChange, by: &ChangeContext) -> Result<Team> {
        self.lock().teams.update_team(id, &change, by)
    }

    async fn create_key(&self, key: NewApiKey, by: &ChangeContext) -> Result<Changed<KeyOwner>> {
        let mut state = self.lock();
        let created = state.teams.create_key(key, by)?;
        if !created.is_replayed {
            let KeyOwner { key, team } = &created.result;
            state.outbox.tell(Event::key_created(team, key, by.at)?, order_of_key(key.id), by.at);
        }
        Ok(created)
    }

    async fn key(&self, id: ApiKeyId) -> Result<Option<KeyOwner>> {
        let teams = &self.lock().teams;
        Ok(teams.keys.get(&id).and_then(|kept| teams.owner(&kept.key)))
    }

    async fn key_by_digest(&self, digest: &KeyDigest) -> Result<Option<KeyMatch>> {
        Ok(self.lock().teams.matching(digest))
    }

    async fn keys(&self, team: Option<TeamId>, page: PageAfter) -> Result<Vec<KeyOwner>> {
        let teams = &self.lock().teams;
        let later = teams.keys.range((Bound::Excluded(ApiKeyId(page.after)), Bound::Unbounded));
        let wanted = later.map(|(_, kept)| &kept.key).filter(|key| team.is_none_or(|team| key.team_id == team));
        Ok(wanted.filter_map(|key| teams.owner(key)).take(page.limit as usize).collect())
    }

    async fn update_key(&self, id: ApiKeyId, change: KeyChange, by: &ChangeContext) -> Result<KeyOwner> {
        let mut state = self.lock();
        let before = state.teams.owner_of(id)?;
        let after = state.teams.update_key(id, &change, by)?;
        let revoked = Event::key_revoked(&before.team, &before.key, Some(&after.key), by.at)?;
        state.outbox.tell(revoked, order_of_key(id), by.at);
        Ok(after)
    }

    async fn rotate_key(&self, id: ApiKeyId, rotation: KeyRotation, by: &ChangeContext) -> Result<Changed<KeyOwner>> {
        self.lock().teams.rotate_key(id, &rotation, by)
    }

    async fn delete_key(&self, id: ApiKeyId, by: &ChangeContext) -> Result<()> {
        let mut state = self.lock();
        let before = state.teams.owner_of(id)?;
        state.teams.delete_key(id, by)?;
        state.outbox.tell(Event::key_revoked(&before.team, &before.key, None, by.at)?, order_of_key(id), by.at);
        Ok(())
    }

    async fn create_first_key(&self, team: NewTeam, key: NewApiKey, by: &ChangeContext) -> Result<Option<KeyOwner>> {
        let mut state = self.lock();
        let first = state.teams.add_first_key(team, key, by)?;
        if let Some(KeyOwner { key, team }) = &first {
            state.outbox.tell(Event::key_created(team, key, by.at)?, order_of_key(key.id), by.at);
        }
        Ok(first)
    }

    async fn key_epoch(&self) -> Result<u64> {
        Ok(self.lock().teams.epoch)
    }

    async fn audit_log(&self, team: Option<TeamId>, page: AuditPage) -> Result<Vec<AuditEntry>> {
        let teams = &self.lock().teams;
        let end = page.before.map_or(Bound::Unbounded, Bound::Excluded);
        let newest = teams.audit.range((Bound::Unbounded, end)).rev().map(|(_, entry)| entry);
        let wanted = newest.filter(|entry| team.is_none_or(|team| entry.team_id == Some(team)));
        Ok(wanted.take(page.limit as usize).cloned().collect())
    }
}
