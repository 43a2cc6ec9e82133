use std::ops::Bound;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::TeamId;
use crate::seal::{KeyMark, Sealed, SealingKeyId};
use crate::store::MemoryStore;
use crate::store::memory::State;
use crate::team::{AuditEntry, ChangeContext, no_such_team};
use crate::webhook::{Endpoint, EndpointChange, EndpointStore, Resealed, SealedSecret, SecretColumn, unregistered_key};

impl State {
    fn put_endpoint(&mut self, change: &EndpointChange, by: &ChangeContext) -> Result<Endpoint> {
        if !self.teams.has(change.team_id) {
            return Err(no_such_team(change.team_id));
        }
        let before = self.endpoints.get(&change.team_id);
        let Some((after, entry)) = change.on(before, by)? else {
            return before.cloned().ok_or_else(|| Error::internal("a new endpoint is no change"));
        };
        after.sealed().try_for_each(|(_, sealed)| self.require_registered(sealed))?;
        self.write_endpoint(after.clone(), entry);
        Ok(after)
    }

    /// Writes an endpoint that became another, and what follows from it.
    pub(super) fn write_endpoint(&mut self, endpoint: Endpoint, entry: AuditEntry) {
        self.teams.tell(&endpoint);
        self.teams.note(entry);
        self.endpoints.insert(endpoint.team_id, endpoint);
    }

    fn require_registered(&self, sealed: &Sealed) -> Result<()> {
        let is_registered = sealed.key_id().is_some_and(|id| self.sealing_keys.contains_key(&id));
        if is_registered { Ok(()) } else { Err(unregistered_key()) }
    }

    fn reseal(&mut self, Resealed { before, after }: &Resealed) -> Result<bool> {
        self.require_registered(after)?;
        let Some(endpoint) = self.endpoints.get_mut(&before.team_id) else { return Ok(false) };
        let place = match before.column {
            SecretColumn::Present => Some(&mut endpoint.secret),
            SecretColumn::Previous => endpoint.previous_secret.as_mut().map(|(sealed, _)| sealed),
        };
        let Some(sealed) = place.filter(|sealed| **sealed == before.sealed) else { return Ok(false) };
        sealed.clone_from(after);
        Ok(true)
    }
}

#[async_trait]
impl EndpointStore for MemoryStore {
    async fn endpoint(&self, team: TeamId) -> Result<Option<Endpoint>> {
        Ok(self.lock().endpoints.get(&team).cloned())
    }

    async fn put_endpoint(&self, change: EndpointChange, by: &ChangeContext) -> Result<Endpoint> {
        self.lock().put_endpoint(&change, by)
    }

    async fn secrets_sealed_otherwise(
        &self,
        key: SealingKeyId,
        after: TeamId,
        limit: u32,
    ) -> Result<Vec<SealedSecret>> {
        let state = self.lock();
        let later = state.endpoints.range((Bound::Excluded(after), Bound::Unbounded));
        let found = later.map(|(_, endpoint)| endpoint.sealed_otherwise(key));
        Ok(found.filter(|secrets| !secrets.is_empty()).take(limit as usize).flatten().collect())
    }

    async fn reseal(&self, secrets: &[Resealed]) -> Result<u64> {
        let mut state = self.lock();
        secrets.iter().try_fold(0, |count, secret| Ok(count + u64::from(state.reseal(secret)?)))
    }

    async fn sealing_keys(&self) -> Result<Vec<KeyMark>> {
        Ok(self.lock().sealing_keys.values().copied().collect())
    }

    async fn register_sealing_key(&self, newest: KeyMark, ring: &[KeyMark], _at: Timestamp) -> Result<Vec<KeyMark>> {
        let keys = &mut self.lock().sealing_keys;
        if keys.values().all(|key| ring.contains(key)) {
            keys.insert(newest.id, newest);
        }
        Ok(keys.values().copied().collect())
    }

    async fn forget_sealing_keys(&self, newest: SealingKeyId) -> Result<Vec<SealingKeyId>> {
        let State { endpoints, sealing_keys, .. } = &mut *self.lock();
        let in_use: Vec<_> = endpoints.values().flat_map(Endpoint::sealed).map(|(_, sealed)| sealed.key_id()).collect();
        let is_over = |id: &SealingKeyId| *id != newest && !in_use.contains(&Some(*id));
        let forgotten: Vec<_> = sealing_keys.keys().copied().filter(is_over).collect();
        sealing_keys.retain(|id, _| !forgotten.contains(id));
        Ok(forgotten)
    }
}
