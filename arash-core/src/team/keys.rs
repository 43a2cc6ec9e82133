use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::error::{Error, ErrorKind, FieldError, Result};
use crate::id::{ApiKeyId, TeamId};
use crate::secret::Secret;
use crate::team::key::{self, KeyEnvironment};
use crate::team::teams::{TeamSpec, check_description, check_name, check_quota};
use crate::team::{AccessLevel, ApiKey, Authenticator, KeyDigest, KeyOwner, NewApiKey, PageAfter, TeamStore};

/// What a new key is to be like.
#[derive(Clone, Debug)]
pub struct KeySpec {
    /// The team it belongs to.
    pub team_id: TeamId,
    /// Its name, 1 to 255 characters.
    pub name: String,
    /// What it may do.
    pub access_level: AccessLevel,
    /// `sk_live_…` or `sk_test_…`.
    pub environment: KeyEnvironment,
    /// Requests in 30 days, in place of the team's.
    pub monthly_quota: Option<u64>,
    /// Requests in 24 hours, in place of the team's.
    pub daily_quota: Option<u64>,
    /// Days until it is refused, 1 to 36,500; `None` means never.
    pub expires_in_days: Option<u32>,
    /// What it is for.
    pub description: Option<String>,
    /// Who makes it.
    pub created_by: Option<String>,
}

impl KeySpec {
    /// A live key of level user without limits of its own.
    pub fn new(team_id: TeamId, name: impl Into<String>) -> Self {
        Self {
            team_id,
            name: name.into(),
            access_level: AccessLevel::User,
            environment: KeyEnvironment::Live,
            monthly_quota: None,
            daily_quota: None,
            expires_in_days: None,
            description: None,
            created_by: None,
        }
    }

    /// The same key with another level.
    pub fn level(mut self, level: AccessLevel) -> Self {
        self.access_level = level;
        self
    }

    fn check(self, secret: &Secret, now: Timestamp) -> Result<NewApiKey> {
        let mut faults = Vec::new();
        check_name(&self.name, &mut faults);
        check_description(self.description.as_deref(), &mut faults);
        check_quota("monthly_quota", self.monthly_quota, &mut faults);
        check_quota("daily_quota", self.daily_quota, &mut faults);
        if self.expires_in_days.is_some_and(|days| !(1..=36_500).contains(&days)) {
            faults.push(FieldError { field: "expires_in_days".into(), message: "must be 1 to 36500, or null".into() });
        }
        if !faults.is_empty() {
            return Err(Error::invalid_fields(faults));
        }
        let lifetime = self.expires_in_days.map(|days| Duration::from_secs(u64::from(days) * 86_400));
        Ok(NewApiKey {
            team_id: self.team_id,
            digest: KeyDigest::of(secret.expose()),
            key_prefix: key::shown_prefix(secret.expose()),
            name: self.name,
            access_level: self.access_level,
            monthly_quota: self.monthly_quota,
            daily_quota: self.daily_quota,
            created_by: self.created_by,
            description: self.description,
            expires_at: lifetime.map(|lifetime| now.plus(lifetime)),
        })
    }
}

/// A new key: the only time that the key itself can be seen.
#[derive(Debug)]
pub struct IssuedKey {
    /// The key itself. It is not stored.
    pub secret: Secret,
    /// What is stored of it.
    pub key: ApiKey,
}

/// Makes, lists and revokes API keys.
#[derive(Clone, Debug)]
pub struct ApiKeys {
    store: Arc<dyn TeamStore>,
    authenticator: Arc<Authenticator>,
    clock: Arc<dyn Clock>,
}

impl ApiKeys {
    /// The keys of `store`; `authenticator` forgets what changes here.
    pub fn new(store: Arc<dyn TeamStore>, authenticator: Arc<Authenticator>, clock: Arc<dyn Clock>) -> Self {
        Self { store, authenticator, clock }
    }

    /// Makes a key.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) naming every field at fault;
    /// [`NotFound`](ErrorKind::NotFound) when there is no such team.
    pub async fn create(&self, spec: KeySpec) -> Result<IssuedKey> {
        let (secret, now) = (key::generate(spec.environment)?, self.clock.now());
        let key = self.store.create_key(spec.check(&secret, now)?, now).await?;
        Ok(IssuedKey { secret, key })
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
        let now = self.clock.now();
        let team =
            TeamSpec { description: Some("Made at the first start.".to_owned()), ..TeamSpec::named("Administrators") };
        let spec = KeySpec {
            created_by: Some("first start".to_owned()),
            ..KeySpec::new(TeamId::HOST, "First admin key").level(AccessLevel::Admin)
        };
        let made = self.store.create_first_key(team.check()?, spec.check(&secret, now)?, now).await?;
        Ok(made.map(|owner| IssuedKey { secret, key: owner.key }))
    }

    /// Keys with their teams in order of id, of one team or of all.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when storage cannot be reached.
    pub async fn list(&self, team: Option<TeamId>, page: PageAfter) -> Result<Vec<KeyOwner>> {
        self.store.keys(team, page).await
    }

    /// Takes a key out of use: at once on this node, within a second on others.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when there is no such key.
    pub async fn revoke(&self, id: ApiKeyId) -> Result<()> {
        let existed = self.store.revoke_key(id, self.clock.now()).await;
        self.changed(id, existed)
    }

    /// Takes a key out of use like [`revoke`](Self::revoke) and removes what is stored of it. Its usage records stay.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when there is no such key.
    pub async fn delete(&self, id: ApiKeyId) -> Result<()> {
        let existed = self.store.delete_key(id).await;
        self.changed(id, existed)
    }

    fn changed(&self, id: ApiKeyId, existed: Result<bool>) -> Result<()> {
        self.authenticator.forget_all();
        if existed? { Ok(()) } else { Err(Error::new(ErrorKind::NotFound, format!("there is no API key {id}"))) }
    }
}
