use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::sync::Cache;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::team::{KeyDigest, Principal, TeamStore, key};

/// Recognised keys that are kept in memory; at about 1 KiB each.
const CACHED_KEYS: u64 = 50_000;

/// Recognises keys. A known key costs a digest and a look into memory, no storage.
///
/// What is cached stands until the store's key epoch moves: every change of a key or a team moves it,
/// and every node polls it ([`Authenticator::poll_epoch`]). A key that is cached keeps being
/// recognised while storage is away; one that is not gets [`Unavailable`](ErrorKind::Unavailable),
/// never a refusal.
pub struct Authenticator {
    store: Arc<dyn TeamStore>,
    clock: Arc<dyn Clock>,
    cache: Cache<KeyDigest, Arc<Principal>>,
    epoch: AtomicU64,
    /// Counts how often the cache was emptied, so that a look-up begun before a revocation is not kept after it.
    generation: AtomicU64,
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("cached", &self.cache.entry_count()).finish_non_exhaustive()
    }
}

impl Authenticator {
    /// Recognises the keys of `store`.
    pub fn new(store: Arc<dyn TeamStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, cache: Cache::new(CACHED_KEYS), epoch: AtomicU64::new(0), generation: AtomicU64::new(0) }
    }

    /// Who shows this key.
    ///
    /// # Errors
    /// [`Unauthenticated`](ErrorKind::Unauthenticated), in the same words for every reason, when the key is
    /// malformed, unknown, expired or revoked; [`Forbidden`](ErrorKind::Forbidden) when its team is inactive;
    /// [`Unavailable`](ErrorKind::Unavailable) when storage had to be asked and did not answer.
    pub async fn authenticate(&self, key: &str) -> Result<Arc<Principal>> {
        if !key::is_well_formed(key) {
            return Err(refused());
        }
        let digest = KeyDigest::of(key);
        let principal = match self.cache.get(&digest) {
            Some(principal) => principal,
            None => self.look_up(digest).await?,
        };
        let owner = principal.owner();
        if !owner.key.is_active || owner.key.expires_at.is_some_and(|end| end <= self.clock.now()) {
            return Err(refused());
        }
        if !owner.team.is_active {
            return Err(Error::new(ErrorKind::Forbidden, "the team of this key is not active"));
        }
        Ok(principal)
    }

    async fn look_up(&self, digest: KeyDigest) -> Result<Arc<Principal>> {
        let generation = self.generation.load(Ordering::Acquire);
        let owner = self.store.key_by_digest(&digest).await?.ok_or_else(refused)?;
        let principal = Arc::new(Principal::new(owner));
        self.cache.insert(digest, Arc::clone(&principal));
        if self.generation.load(Ordering::Acquire) != generation {
            self.cache.invalidate(&digest);
        }
        Ok(principal)
    }

    /// Forgets all that is cached: the next use of each key asks the store.
    pub(crate) fn forget_all(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.cache.invalidate_all();
    }

    /// Asks the store whether a key or team changed elsewhere, and forgets what is cached if so.
    pub(crate) async fn poll_epoch(&self) -> Result<()> {
        let epoch = self.store.key_epoch().await?;
        if self.epoch.swap(epoch, Ordering::AcqRel) != epoch {
            self.forget_all();
        }
        Ok(())
    }
}

fn refused() -> Error {
    Error::new(ErrorKind::Unauthenticated, "a valid API key is needed: Authorization: Bearer <key>")
}
