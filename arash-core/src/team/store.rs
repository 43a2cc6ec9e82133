use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{ApiKeyId, TeamId};
use crate::team::{ApiKey, KeyDigest, KeyOwner, NewApiKey, NewTeam, PageAfter, Team};

/// What teams and keys need from storage.
///
/// Every method may fail with [`Unavailable`](crate::ErrorKind::Unavailable) when storage cannot be reached.
#[async_trait]
pub trait TeamStore: Send + Sync {
    /// Makes a team.
    ///
    /// # Errors
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) when the name is taken.
    async fn create_team(&self, team: NewTeam, at: Timestamp) -> Result<Team>;

    /// The team `id`.
    async fn team(&self, id: TeamId) -> Result<Option<Team>>;

    /// Teams in order of id.
    async fn teams(&self, active_only: bool, page: PageAfter) -> Result<Vec<Team>>;

    /// Switches a team on or off, and moves the epoch on; `None` when there is no such team.
    async fn set_team_active(&self, id: TeamId, is_active: bool, at: Timestamp) -> Result<Option<Team>>;

    /// Makes a key.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is no such team,
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) when the digest is known already.
    async fn create_key(&self, key: NewApiKey, at: Timestamp) -> Result<ApiKey>;

    /// The key with this digest and its team, active or not.
    async fn key_by_digest(&self, digest: &KeyDigest) -> Result<Option<KeyOwner>>;

    /// Keys in order of id, of one team or of all.
    async fn keys(&self, team: Option<TeamId>, page: PageAfter) -> Result<Vec<KeyOwner>>;

    /// Takes a key out of use for good, and moves the epoch on; `false` when there is no such key.
    async fn revoke_key(&self, id: ApiKeyId, at: Timestamp) -> Result<bool>;

    /// Removes a key, and moves the epoch on; `false` when there is no such key. Its usage records stay.
    async fn delete_key(&self, id: ApiKeyId) -> Result<bool>;

    /// Makes the first team and its key, if the store holds no key at all; else `None`.
    /// Of several programs that start at once, one gets them.
    async fn create_first_key(&self, team: NewTeam, key: NewApiKey, at: Timestamp) -> Result<Option<KeyOwner>>;

    /// A number that grows whenever a key or a team was changed; caches of keys are good while it stands.
    async fn key_epoch(&self) -> Result<u64>;
}
