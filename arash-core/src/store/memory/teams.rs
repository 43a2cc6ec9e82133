use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{ApiKeyId, TeamId};
use crate::store::MemoryStore;
use crate::team::{ApiKey, KeyDigest, KeyOwner, NewApiKey, NewTeam, PageAfter, Team, TeamStore};

/// Teams and keys. Neither is ever removed, so ids count up from 1.
#[derive(Default)]
pub(super) struct Teams {
    by_id: BTreeMap<TeamId, Team>,
    names: HashMap<String, TeamId>,
    keys: BTreeMap<ApiKeyId, ApiKey>,
    digests: HashMap<KeyDigest, ApiKeyId>,
    epoch: u64,
    /// An id is given once, also after its key was deleted.
    last_key_id: i64,
}

impl Teams {
    fn add_team(&mut self, new: NewTeam, at: Timestamp) -> Result<Team> {
        if self.names.contains_key(&new.name) {
            return Err(Error::new(ErrorKind::AlreadyExists, format!("there is a team called {:?}", new.name)));
        }
        let id = TeamId(self.by_id.len() as i64 + 1);
        self.names.insert(new.name.clone(), id);
        let team = Team::from_new(id, new, at);
        self.by_id.insert(id, team.clone());
        Ok(team)
    }

    fn add_key(&mut self, new: NewApiKey, at: Timestamp) -> Result<ApiKey> {
        if !self.by_id.contains_key(&new.team_id) {
            return Err(Error::new(ErrorKind::NotFound, format!("there is no team {}", new.team_id)));
        }
        if self.digests.contains_key(&new.digest) {
            return Err(Error::new(ErrorKind::AlreadyExists, "this key is in the store already"));
        }
        self.last_key_id += 1;
        let id = ApiKeyId(self.last_key_id);
        self.digests.insert(new.digest, id);
        let key = ApiKey::from_new(id, new, at);
        self.keys.insert(id, key.clone());
        Ok(key)
    }

    fn add_first_key(&mut self, team: NewTeam, key: NewApiKey, at: Timestamp) -> Result<Option<KeyOwner>> {
        if !self.keys.is_empty() {
            return Ok(None);
        }
        let known = self.names.get(&team.name).and_then(|id| self.by_id.get(id)).cloned();
        let team = match known {
            Some(team) => team,
            None => self.add_team(team, at)?,
        };
        let key = self.add_key(NewApiKey { team_id: team.id, ..key }, at)?;
        self.epoch += 1;
        Ok(Some(KeyOwner { key, team }))
    }

    fn owner(&self, key: &ApiKey) -> Option<KeyOwner> {
        self.by_id.get(&key.team_id).map(|team| KeyOwner { key: key.clone(), team: team.clone() })
    }

    /// Notes that a key answered for a message.
    pub(super) fn touch(&mut self, id: ApiKeyId, at: Timestamp) {
        if let Some(key) = self.keys.get_mut(&id) {
            key.last_used_at = Some(at);
        }
    }
}

#[async_trait]
impl TeamStore for MemoryStore {
    async fn create_team(&self, team: NewTeam, at: Timestamp) -> Result<Team> {
        self.lock().teams.add_team(team, at)
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

    async fn set_team_active(&self, id: TeamId, is_active: bool, at: Timestamp) -> Result<Option<Team>> {
        let teams = &mut self.lock().teams;
        let Some(team) = teams.by_id.get_mut(&id) else { return Ok(None) };
        team.is_active = is_active;
        team.updated_at = at;
        teams.epoch += 1;
        Ok(Some(team.clone()))
    }

    async fn create_key(&self, key: NewApiKey, at: Timestamp) -> Result<ApiKey> {
        self.lock().teams.add_key(key, at)
    }

    async fn key_by_digest(&self, digest: &KeyDigest) -> Result<Option<KeyOwner>> {
        let teams = &self.lock().teams;
        let key = teams.digests.get(digest).and_then(|id| teams.keys.get(id));
        Ok(key.and_then(|key| teams.owner(key)))
    }

    async fn keys(&self, team: Option<TeamId>, page: PageAfter) -> Result<Vec<KeyOwner>> {
        let teams = &self.lock().teams;
        let later = teams.keys.range((Bound::Excluded(ApiKeyId(page.after)), Bound::Unbounded));
        let wanted = later.map(|(_, key)| key).filter(|key| team.is_none_or(|team| key.team_id == team));
        Ok(wanted.filter_map(|key| teams.owner(key)).take(page.limit as usize).collect())
    }

    async fn revoke_key(&self, id: ApiKeyId, _at: Timestamp) -> Result<bool> {
        let teams = &mut self.lock().teams;
        let Some(key) = teams.keys.get_mut(&id) else { return Ok(false) };
        key.is_active = false;
        teams.epoch += 1;
        Ok(true)
    }

    async fn delete_key(&self, id: ApiKeyId) -> Result<bool> {
        let teams = &mut self.lock().teams;
        teams.digests.retain(|_, known| *known != id);
        teams.epoch += 1;
        Ok(teams.keys.remove(&id).is_some())
    }

    async fn create_first_key(&self, team: NewTeam, key: NewApiKey, at: Timestamp) -> Result<Option<KeyOwner>> {
        self.lock().teams.add_first_key(team, key, at)
    }

    async fn key_epoch(&self) -> Result<u64> {
        Ok(self.lock().teams.epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::team::AccessLevel;

    #[tokio::test]
    async fn the_first_key_joins_a_team_that_has_the_name_already() {
        let (store, at) = (MemoryStore::new(), Timestamp::from_millis(1));
        let team = NewTeam {
            name: "Administrators".to_owned(),
            description: None,
            monthly_quota: None,
            daily_quota: None,
            allowed_models: None,
        };
        let key = NewApiKey {
            team_id: TeamId::HOST,
            digest: KeyDigest::of("first"),
            key_prefix: "first".to_owned(),
            name: "First".to_owned(),
            access_level: AccessLevel::Admin,
            monthly_quota: None,
            daily_quota: None,
            created_by: None,
            description: None,
            expires_at: None,
        };
        let known = store.create_team(team.clone(), at).await.unwrap();
        let owner = store.create_first_key(team, key, at).await.unwrap().unwrap();
        assert_eq!(owner.team, known);
        assert_eq!(owner.key.team_id, known.id);
    }
}
