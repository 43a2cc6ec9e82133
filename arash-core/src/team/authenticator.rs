use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::future::Cache;

use crate::clock::{Clock, Timestamp};
use crate::error::{Error, ErrorKind, Result};
use crate::team::{KeyDigest, Principal, TeamStore, key};

/// Recognised keys that are kept in memory; at about 1 KiB each.
const CACHED_KEYS: u64 = 50_000;

/// Recognises keys. A known key costs a digest and a look into memory, no storage.
///
/// What is cached stands until the store's key epoch moves: every change of a key or a team moves it,
/// and every engine polls it. A key that is cached keeps being recognised while storage is away; one that is not gets
/// [`Unavailable`](ErrorKind::Unavailable), never a refusal.
pub struct Authenticator {
    store: Arc<dyn TeamStore>,
    clock: Arc<dyn Clock>,
    cache: Cache<KeyDigest, Recognised>,
    epoch: AtomicU64,
    /// Counts how often everything was forgotten.
    generation: AtomicU64,
}

/// A recognised key, and the generation that was the current one before the store was asked.
#[derive(Clone)]
struct Recognised {
    principal: Arc<Principal>,
    /// From when on the secret that was shown is refused: a key may have two, with an end each.
    valid_until: Option<Timestamp>,
    generation: u64,
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
        self.admit(KeyDigest::of(key)).await
    }

    /// The caller as of now, for whoever had to wait since the key was shown: it may have been taken away or changed.
    ///
    /// # Errors
    /// Those of [`authenticate`](Self::authenticate).
    pub async fn recognise_again(&self, principal: &Arc<Principal>) -> Result<Arc<Principal>> {
        match principal.recognition() {
            Some((digest, generation)) if generation != self.generation.load(Ordering::Acquire) => {
                self.admit(digest).await
            }
            _ => Ok(Arc::clone(principal)),
        }
    }

    async fn admit(&self, digest: KeyDigest) -> Result<Arc<Principal>> {
        let found = self.recognise(digest).await?;
        let owner = found.principal.owner();
        if !owner.key.is_active || found.valid_until.is_some_and(|end| end <= self.clock.now()) {
            return Err(refused());
        }
        if !owner.team.is_active {
            return Err(Error::new(ErrorKind::Forbidden, "the team of this key is not active"));
        }
        Ok(found.principal)
    }

    async fn recognise(&self, digest: KeyDigest) -> Result<Recognised> {
        loop {
            let generation = self.generation.load(Ordering::Acquire);
            // However many show the same key at once, the store is asked once.
            let asking = self.cache.try_get_with(digest, async {
                let found = self.store.key_by_digest(&digest).await?.ok_or_else(refused)?;
                let principal = Arc::new(Principal::recognised(found.owner, digest, generation));
                Ok::<_, Error>(Recognised { principal, valid_until: found.valid_until, generation })
            });
            let found = asking.await.map_err(|error| Error::clone(&error))?;
            if found.generation >= generation {
                return Ok(found);
            }
            // It was read before something changed.
            self.cache.invalidate(&digest).await;
        }
    }

    /// Forgets all that is cached: the next use of each key asks the store.
    pub(crate) fn forget_all(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
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
