use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{ApiKeyId, TeamId};
use crate::idempotency::{IdempotencyKey, RequestDigest};
use crate::secret::Secret;
use crate::team::key::{self, KeyEnvironment};
use crate::team::{
    AccessLevel, Actor, ApiKey, Authenticator, ChangeContext, KeyChange, KeyDigest, KeyOwner, KeyRotation, KeySpec,
    MAX_OVERLAP, PageAfter, TeamSpec, TeamStore,
};

/// A new key: the only time that the key itself can be seen.
#[derive(Debug)]
pub struct IssuedKey {
    /// The key itself. It is not stored.
    pub secret: Secret,
    /// What is stored of it.
    pub key: ApiKey,
}

/// What was issued for a request that may be repeated.
#[derive(Debug)]
pub struct KeyIssue {
    /// The key itself; `None` when an earlier request with the same idempotency key got it: it is never shown twice.
    pub secret: Option<Secret>,
    /// What is stored of it, as it was when it was issued.
    pub owner: KeyOwner,
}

/// Makes, lists and changes API keys: as the program itself, or by [`ApiKeys::by`] as somebody else.
#[derive(Clone, Debug)]
pub struct ApiKeys {
    store: Arc<dyn TeamStore>,
    authenticator: Arc<Authenticator>,
    clock: Arc<dyn Clock>,
    actor: Actor,
}

impl ApiKeys {
    /// The keys of `store`; `authenticator` forgets what changes here.
    pub fn new(store: Arc<dyn TeamStore>, authenticator: Arc<Authenticator>, clock: Arc<dyn Clock>) -> Self {
        Self { store, authenticator, clock, actor: Actor::program() }
    }

    /// The same keys for `actor`, whose rights are asked for and who stands in the audit log.
    #[must_use]
    pub fn by(&self, actor: Actor) -> Self {
        Self { actor, ..self.clone() }
    }

    /// Makes a key.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) naming every field at fault;
    /// [`NotFound`](ErrorKind::NotFound) when there is no such team;
    /// [`Forbidden`](ErrorKind::Forbidden) when the actor may not make such a key.
    pub async fn create(&self, spec: KeySpec) -> Result<IssuedKey> {
        let KeyIssue { secret, owner } = self.create_once(spec, None).await?;
        let secret = secret.ok_or_else(|| Error::internal("a new key came without its secret"))?;
        Ok(IssuedKey { secret, key: owner.key })
    }

    /// Makes a key, once for all requests with this idempotency key.
    ///
    /// # Errors
    /// Those of [`ApiKeys::create`]; [`IdempotencyMismatch`](ErrorKind::IdempotencyMismatch) when the idempotency key
    /// came with another request before.
    pub async fn create_once(&self, spec: KeySpec, idempotency: Option<IdempotencyKey>) -> Result<KeyIssue> {
        self.actor.require_new_key(spec.team_id, spec.access_level)?;
        let by = self.context(idempotency, RequestDigest::of_json(&spec)?);
        let secret = key::generate(spec.environment)?;
        let created = self.store.create_key(spec.check(&secret, by.at)?, &by).await?;
        Ok(KeyIssue { secret: (!created.is_replayed).then_some(secret), owner: created.result })
    }

    /// Makes the first team and its admin key, if there is no key at all; else `None`.
    ///
    /// The key is `own` if that is given (at least 32 printable characters), else a new one.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) when `own` is not usable as a key.
    pub async fn create_first(&self, own: Option<Secret>) -> Result<Option<IssuedKey>> {
        let secret = match own {
            Some(own) if key::is_well_formed(own.expose()) => own,
            Some(_) => {
                return Err(Error::invalid("api_key", "must have 32 to 512 printable ASCII characters"));
            }
            None => key::generate(KeyEnvironment::Live)?,
        };
        let by = ChangeContext::new(Actor::program(), self.clock.now());
        let team =
            TeamSpec { description: Some("Made at the first start.".to_owned()), ..TeamSpec::named("Administrators") };
        let spec = KeySpec {
            created_by: Some("first start".to_owned()),
            ..KeySpec::new(TeamId::HOST, "First admin key").level(AccessLevel::Admin)
        };
        let made = self.store.create_first_key(team.check()?, spec.check(&secret, by.at)?, &by).await?;
        Ok(made.map(|owner| IssuedKey { secret, key: owner.key }))
    }

    /// The key `id` and its team.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when there is none.
    pub async fn get(&self, id: ApiKeyId) -> Result<KeyOwner> {
        self.store.key(id).await?.ok_or_else(|| no_such_key(id))
    }

    /// Keys with their teams in order of id, of one team or of all.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when storage cannot be reached.
    pub async fn list(&self, team: Option<TeamId>, page: PageAfter) -> Result<Vec<KeyOwner>> {
        self.store.keys(team, page).await
    }

    /// Changes a key: at once on this node, within a second on others. One that was revoked may be switched on again.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) naming every field at fault;
    /// [`NotFound`](ErrorKind::NotFound) when there is no such key within the actor's reach;
    /// [`Forbidden`](ErrorKind::Forbidden) when the actor may not touch it, or not make of it what it would become.
    pub async fn update(&self, id: ApiKeyId, change: KeyChange) -> Result<KeyOwner> {
        change.check()?;
        let by = ChangeContext::new(self.actor.clone(), self.clock.now());
        self.forgetting(self.store.update_key(id, change, &by).await)
    }

    /// Takes a key out of use: at once on this node, within a second on others.
    ///
    /// # Errors
    /// Those of [`ApiKeys::update`].
    pub async fn revoke(&self, id: ApiKeyId) -> Result<()> {
        self.update(id, KeyChange::active(false)).await.map(drop)
    }

    /// Takes a key out of use like [`revoke`](Self::revoke) and removes what is stored of it. Its usage records stay.
    ///
    /// # Errors
    /// Those of [`ApiKeys::update`].
    pub async fn delete(&self, id: ApiKeyId) -> Result<()> {
        let by = ChangeContext::new(self.actor.clone(), self.clock.now());
        self.forgetting(self.store.delete_key(id, &by).await)
    }

    /// Gives a key a new secret, once for all requests with this idempotency key. The one until now stays good for
    /// `overlap`, zero to [`MAX_OVERLAP`]; with zero it is refused at once here, within a second on other nodes. One
    /// that was good beside it from a rotation before is refused from now on.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) when the overlap is too long;
    /// [`NotFound`](ErrorKind::NotFound) and [`Forbidden`](ErrorKind::Forbidden) as of [`ApiKeys::update`];
    /// [`Conflict`](ErrorKind::Conflict) when the key is not active or has expired;
    /// [`IdempotencyMismatch`](ErrorKind::IdempotencyMismatch) when the idempotency key came with another request.
    pub async fn rotate(
        &self,
        id: ApiKeyId,
        overlap: Duration,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<KeyIssue> {
        if overlap > MAX_OVERLAP {
            return Err(Error::invalid("overlap_seconds", format!("must be 0 to {}", MAX_OVERLAP.as_secs())));
        }
        // A key that is gone may still have been rotated by the first of these requests.
        let present = self.store.key(id).await?;
        let environment =
            present.map_or(KeyEnvironment::Live, |owner| KeyEnvironment::of_prefix(&owner.key.key_prefix));
        let secret = key::generate(environment)?;
        let (digest, key_prefix) = (KeyDigest::of(secret.expose()), key::shown_prefix(secret.expose()));
        let by = self.context(idempotency, RequestDigest::of_json(&(id, overlap.as_millis() as u64))?);
        let rotation = KeyRotation { digest, key_prefix, overlap };
        let rotated = self.forgetting(self.store.rotate_key(id, rotation, &by).await)?;
        Ok(KeyIssue { secret: (!rotated.is_replayed).then_some(secret), owner: rotated.result })
    }

    fn context(&self, idempotency: Option<IdempotencyKey>, digest: RequestDigest) -> ChangeContext {
        let idempotency = idempotency.map(|key| (key, digest));
        ChangeContext { idempotency, ..ChangeContext::new(self.actor.clone(), self.clock.now()) }
    }

    /// What is cached may be over: also where nobody knows whether the change was written.
    fn forgetting<T>(&self, changed: Result<T>) -> Result<T> {
        self.authenticator.forget_all();
        changed
    }
}

/// There is no API key of this id.
pub(crate) fn no_such_key(id: ApiKeyId) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no API key {id}"))
}
