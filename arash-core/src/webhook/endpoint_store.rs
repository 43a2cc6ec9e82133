use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::TeamId;
use crate::seal::{KeyMark, Sealed, SealingKeyId};
use crate::team::ChangeContext;
use crate::webhook::{Endpoint, EndpointChange, SecretColumn};

/// A secret of an endpoint as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSecret {
    /// Whose endpoint.
    pub team_id: TeamId,
    /// Which of its secrets.
    pub column: SecretColumn,
    /// The secret.
    pub sealed: Sealed,
}

/// A secret that was sealed anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resealed {
    /// The secret as it was read.
    pub before: SealedSecret,
    /// The same secret, sealed for the same place with another key.
    pub after: Sealed,
}

/// Most events that are due at once when an endpoint is mended, so that its change does not take long.
pub const MAX_HURRIED: u32 = 10_000;

/// What endpoints need from storage. Secrets go in and out sealed, and by a key that is registered: one that still seals
/// something is never forgotten.
///
/// Every method may fail with [`Unavailable`](crate::ErrorKind::Unavailable) when storage cannot be reached.
#[async_trait]
pub trait EndpointStore: Send + Sync {
    /// The endpoint of `team`.
    async fn endpoint(&self, team: TeamId) -> Result<Option<Endpoint>>;

    /// Makes or changes an endpoint and moves the key epoch on, because callers who were recognised carry what their
    /// team is told of; gives the endpoint as it is then. Worked out by [`EndpointChange::on`] within the transaction and
    /// with nobody else in between, and written together with its audit entry; what changes nothing writes nothing.
    ///
    /// Where that [mends](Endpoint::is_mended_since) the endpoint, the events of the team that wait for a later attempt
    /// and that no node has are due at once: [`MAX_HURRIED`] of them, those that would wait longest.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is no such team; those of [`EndpointChange::on`];
    /// [`Conflict`](crate::ErrorKind::Conflict) when a secret was sealed with a key that is not registered.
    async fn put_endpoint(&self, change: EndpointChange, by: &ChangeContext) -> Result<Endpoint>;

    /// Secrets that were not sealed with this key, of at most `limit` teams with an id above `after`, in order of id.
    async fn secrets_sealed_otherwise(&self, key: SealingKeyId, after: TeamId, limit: u32)
    -> Result<Vec<SealedSecret>>;

    /// Writes what was sealed anew, where it still is what was read; gives how many that were.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) when a secret was sealed with a key that is not registered.
    async fn reseal(&self, secrets: &[Resealed]) -> Result<u64>;

    /// The keys that are registered, in order of id.
    async fn sealing_keys(&self) -> Result<Vec<KeyMark>>;

    /// Registers `newest`, if every key that is registered is among `ring`; gives all that are registered then. Of
    /// several programs that start at once with different keys, one registers.
    async fn register_sealing_key(&self, newest: KeyMark, ring: &[KeyMark], at: Timestamp) -> Result<Vec<KeyMark>>;

    /// Forgets all keys but `newest` that seal nothing any more; gives their ids in order.
    async fn forget_sealing_keys(&self, newest: SealingKeyId) -> Result<Vec<SealingKeyId>>;
}

/// A secret was sealed with a key that was forgotten since, or never registered.
pub(crate) fn unregistered_key() -> Error {
    let text = "the key that the secret was sealed with is not in use any more; start anew with the present keys";
    Error::new(ErrorKind::Conflict, text)
}
