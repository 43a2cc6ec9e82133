use std::collections::BTreeMap;
use std::ops::Bound;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::TeamId;
use crate::seal::{KeyMark, Sealed, SealingKeyId};
use crate::store::MemoryStore;
use crate::store::memory::State;
use crate::team::{AuditEntry, ChangeContext};
use crate::webhook::{Endpoint, EndpointChange, EndpointStore, Resealed, SealedSecret, SecretColumn, unregistered_key};

/// Where teams are told of events, and the keys that their secrets are sealed with.
#[derive(Default)]
pub(super) struct Endpoints {
    pub(super) by_team: BTreeMap<TeamId, Endpoint>,
    keys: BTreeMap<SealingKeyId, KeyMark>,
}

impl Endpoints {
    fn require_registered(&self, sealed: &Sealed) -> Result<()> {
        match sealed.key_id().and_then(|id| self.keys.get(&id)) {
            Some(_) => Ok(()),
            None => Err(unregistered_key()),
        }
    }

    /// The secrets of one endpoint that another key than this one sealed.
    fn sealed_otherwise(endpoint: &Endpoint, key: SealingKeyId) -> Vec<SealedSecret> {
        let otherwise = endpoint.sealed().filter(|(_, sealed)| sealed.key_id() != Some(key));
        let secret = |(column, sealed): (SecretColumn, &Sealed)| {
            let sealed = sealed.clone();
            SealedSecret { team_id: endpoint.team_id, column, sealed }
        };
        otherwise.map(secret).collect()
    }

    fn reseal(&mut self, Resealed { before, after }: &Resealed) -> Result<bool> {
        self.require_registered(after)?;
        let Some(endpoint) = self.by_team.get_mut(&before.team_id) else { return Ok(false) };
        let place = match before.column {
            SecretColumn::Present => Some(&mut endpoint.secret),
            SecretColumn::Previous => endpoint.previous_secret.as_mut().map(|(sealed, _)| sealed),
        };
        let Some(sealed) = place.filter(|sealed| **sealed == before.sealed) else { return Ok(false) };
        sealed.clone_from(after);
        Ok(true)
    }
}

impl State {
    fn put_endpoint(&mut self, change: &EndpointChange, by: &ChangeContext) -> Result<Endpoint> {
        self.teams.require(change.team_id)?;
        let before = self.endpoints.by_team.get(&change.team_id);
        let Some((after, entry)) = change.on(before, by)? else {
            return before.cloned().ok_or_else(unregistered_key);
        };
        after.sealed().try_for_each(|(_, sealed)| self.endpoints.require_registered(sealed))?;
        if before.is_some_and(|before| after.is_mended_since(before)) {
            self.outbox.hurry(after.team_id, by.at);
        }
        self.write_endpoint(after.clone(), entry);
        Ok(after)
    }

    /// Writes an endpoint that was changed, and what recognised callers carry of it.
    pub(super) fn write_endpoint(&mut self, endpoint: Endpoint, entry: AuditEntry) {
        self.teams.set_webhook(&endpoint, entry);
        self.endpoints.by_team.insert(endpoint.team_id, endpoint);
    }
}

#[async_trait]
impl EndpointStore for MemoryStore {
    async fn endpoint(&self, team: TeamId) -> Result<Option<Endpoint>> {
        Ok(self.lock().endpoints.by_team.get(&team).cloned())
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
        let endpoints = &self.lock().endpoints;
        let later = endpoints.by_team.range((Bound::Excluded(after), Bound::Unbounded));
        let found = later.map(|(_, endpoint)| Endpoints::sealed_otherwise(endpoint, key));
        Ok(found.filter(|secrets| !secrets.is_empty()).take(limit as usize).flatten().collect())
    }

    async fn reseal(&self, secrets: &[Resealed]) -> Result<u64> {
        let endpoints = &mut self.lock().endpoints;
        secrets.iter().try_fold(0, |count, secret| Ok(count + u64::from(endpoints.reseal(secret)?)))
    }

    async fn sealing_keys(&self) -> Result<Vec<KeyMark>> {
        Ok(self.lock().endpoints.keys.values().copied().collect())
    }

    async fn register_sealing_key(&self, newest: KeyMark, ring: &[KeyMark], _at: Timestamp) -> Result<Vec<KeyMark>> {
        let keys = &mut self.lock().endpoints.keys;
        if keys.values().all(|key| ring.contains(key)) {
            keys.insert(newest.id, newest);
        }
        Ok(keys.values().copied().collect())
    }

    async fn forget_sealing_keys(&self, newest: SealingKeyId) -> Result<Vec<SealingKeyId>> {
        let Endpoints { by_team, keys } = &mut self.lock().endpoints;
        let in_use: Vec<_> = by_team.values().flat_map(Endpoint::sealed).map(|(_, sealed)| sealed.key_id()).collect();
        let is_over = |id: &SealingKeyId| *id != newest && !in_use.contains(&Some(*id));
        let forgotten: Vec<_> = keys.keys().copied().filter(is_over).collect();
        keys.retain(|id, _| !forgotten.contains(id));
        Ok(forgotten)
    }
}
