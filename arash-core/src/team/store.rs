use async_trait::async_trait;

use crate::error::Result;
use crate::id::{ApiKeyId, TeamId};
use crate::team::{
    AuditEntry, AuditPage, ChangeContext, Changed, KeyChange, KeyDigest, KeyMatch, KeyOwner, KeyRotation, NewApiKey,
    NewTeam, PageAfter, Team, TeamChange,
};

/// What teams and keys need from storage.
///
/// Whatever changes something writes its [`AuditEntry`] in the same transaction. A change is worked out of what is there
/// by the change itself ([`TeamChange::on`], [`KeyChange::on`], [`KeyRotation::on`]), within the transaction and with
/// nobody else in between; one that changes nothing writes nothing.
///
/// Creations and rotations heed [`ChangeContext::idempotency`]: what they came to is kept as the receipt in the same
/// transaction, and a repetition gives it again ([`ChangeContext::repeated`]), also of several at once. What was refused
/// is not kept. The receipts are forgotten by `TurnStore::forget_receipts`, as those of turns are; the scopes of the keys
/// keep the two apart.
///
/// Every method may fail with [`Unavailable`](crate::ErrorKind::Unavailable) when storage cannot be reached.
#[async_trait]
pub trait TeamStore: Send + Sync {
    /// Makes a team.
    ///
    /// # Errors
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) when the name is taken;
    /// those of [`ChangeContext::repeated`].
    async fn create_team(&self, team: NewTeam, by: &ChangeContext) -> Result<Changed<Team>>;

    /// The team `id`.
    async fn team(&self, id: TeamId) -> Result<Option<Team>>;

    /// Teams in order of id.
    async fn teams(&self, active_only: bool, page: PageAfter) -> Result<Vec<Team>>;

    /// Changes a team, and moves the epoch on if it is another one then; gives the team as it is then.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is no such team,
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) when its new name is taken; those of [`TeamChange::on`].
    async fn update_team(&self, id: TeamId, change: TeamChange, by: &ChangeContext) -> Result<Team>;

    /// Makes a key.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is no such team,
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) when the digest is that of a present or previous secret
    /// already; those of [`ChangeContext::repeated`].
    async fn create_key(&self, key: NewApiKey, by: &ChangeContext) -> Result<Changed<KeyOwner>>;

    /// The key `id` and its team.
    async fn key(&self, id: ApiKeyId) -> Result<Option<KeyOwner>>;

    /// The key whose present or previous secret has this digest, active or not, and whatever its end.
    async fn key_by_digest(&self, digest: &KeyDigest) -> Result<Option<KeyMatch>>;

    /// Keys in order of id, of one team or of all.
    async fn keys(&self, team: Option<TeamId>, page: PageAfter) -> Result<Vec<KeyOwner>>;

    /// Changes a key, and moves the epoch on if it is another one then; gives the key as it is then.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is no such key; those of [`KeyChange::on`].
    async fn update_key(&self, id: ApiKeyId, change: KeyChange, by: &ChangeContext) -> Result<KeyOwner>;

    /// Gives a key a new secret, and moves the epoch on. The one until now becomes the previous one if the rotation has
    /// an overlap; the one that was previous is forgotten.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is no such key,
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) when the digest is that of a present or previous secret
    /// already; those of [`KeyRotation::on`] and [`ChangeContext::repeated`].
    async fn rotate_key(&self, id: ApiKeyId, rotation: KeyRotation, by: &ChangeContext) -> Result<Changed<KeyOwner>>;

    /// Removes a key, and moves the epoch on. Its usage records stay.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is no such key; those of
    /// [`Actor::require_over`](crate::team::Actor::require_over).
    async fn delete_key(&self, id: ApiKeyId, by: &ChangeContext) -> Result<()>;

    /// Makes the first team and its key, if the store holds no key at all; else `None`.
    /// Of several programs that start at once, one gets them.
    async fn create_first_key(&self, team: NewTeam, key: NewApiKey, by: &ChangeContext) -> Result<Option<KeyOwner>>;

    /// A number that grows whenever a key or a team was changed; caches of keys are good while it stands.
    async fn key_epoch(&self) -> Result<u64>;

    /// The audit log of one team or of all, newest first. Nothing takes entries out of it or changes them.
    async fn audit_log(&self, team: Option<TeamId>, page: AuditPage) -> Result<Vec<AuditEntry>>;
}
