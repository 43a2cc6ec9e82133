use std::sync::Arc;

use serde::Serialize;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::id::TeamId;
use crate::idempotency::{IdempotencyKey, RequestDigest};
use crate::platform::ModelId;
use crate::team::checks::{check_description, check_name, check_quota};
use crate::team::{Actor, Authenticator, ChangeContext, Changed, NewTeam, PageAfter, Team, TeamChange, TeamStore};

/// What a new team is to be like.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TeamSpec {
    /// Its name, unique, 1 to 255 characters.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Requests in 30 days; `None` is unlimited, 0 lets nothing through.
    pub monthly_quota: Option<u64>,
    /// Requests in 24 hours; `None` is unlimited, 0 lets nothing through.
    pub daily_quota: Option<u64>,
    /// The only models its keys may use; `None` means all.
    pub allowed_models: Option<Vec<ModelId>>,
}

impl TeamSpec {
    /// A team of this name, without limits.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Checks the form; the error names every field at fault.
    pub(super) fn check(self) -> Result<NewTeam> {
        let mut faults = Vec::new();
        check_name(&self.name, &mut faults);
        check_description(self.description.as_deref(), &mut faults);
        check_quota("monthly_quota", self.monthly_quota, &mut faults);
        check_quota("daily_quota", self.daily_quota, &mut faults);
        if !faults.is_empty() {
            return Err(Error::invalid_fields(faults));
        }
        Ok(NewTeam {
            name: self.name,
            description: self.description,
            monthly_quota: self.monthly_quota,
            daily_quota: self.daily_quota,
            allowed_models: self.allowed_models,
        })
    }
}

/// Makes, lists and changes teams: as the program itself, or by [`Teams::by`] as somebody else.
#[derive(Clone, Debug)]
pub struct Teams {
    store: Arc<dyn TeamStore>,
    authenticator: Arc<Authenticator>,
    clock: Arc<dyn Clock>,
    actor: Actor,
}

impl std::fmt::Debug for dyn TeamStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TeamStore")
    }
}

impl Teams {
    /// The teams of `store`; `authenticator` forgets what changes here.
    pub fn new(store: Arc<dyn TeamStore>, authenticator: Arc<Authenticator>, clock: Arc<dyn Clock>) -> Self {
        Self { store, authenticator, clock, actor: Actor::program() }
    }

    /// The same teams for `actor`, whose rights are asked for and who stands in the audit log.
    #[must_use]
    pub fn by(&self, actor: Actor) -> Self {
        Self { actor, ..self.clone() }
    }

    /// Makes a team.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) naming every field at fault;
    /// [`AlreadyExists`](ErrorKind::AlreadyExists) when the name is taken;
    /// [`Forbidden`](ErrorKind::Forbidden) when the actor may not make teams.
    pub async fn create(&self, spec: TeamSpec) -> Result<Team> {
        self.create_once(spec, None).await.map(|created| created.result)
    }

    /// Makes a team, once for all requests with this idempotency key.
    ///
    /// # Errors
    /// Those of [`Teams::create`]; [`IdempotencyMismatch`](ErrorKind::IdempotencyMismatch) when the key came with
    /// another request before.
    pub async fn create_once(&self, spec: TeamSpec, idempotency: Option<IdempotencyKey>) -> Result<Changed<Team>> {
        self.actor.require_over_teams()?;
        let digest = RequestDigest::of_json(&spec)?;
        let by = ChangeContext { idempotency: idempotency.map(|key| (key, digest)), ..self.context() };
        self.store.create_team(spec.check()?, &by).await
    }

    /// The team `id`.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when there is none.
    pub async fn get(&self, id: TeamId) -> Result<Team> {
        self.store.team(id).await?.ok_or_else(|| no_such_team(id))
    }

    /// Teams in order of id.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when storage cannot be reached.
    pub async fn list(&self, active_only: bool, page: PageAfter) -> Result<Vec<Team>> {
        self.store.teams(active_only, page).await
    }

    /// Changes a team. Switched off, all its keys stop at once.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) naming every field at fault;
    /// [`NotFound`](ErrorKind::NotFound) when there is no such team;
    /// [`AlreadyExists`](ErrorKind::AlreadyExists) when the name is taken;
    /// [`Forbidden`](ErrorKind::Forbidden) when the actor may not change teams.
    pub async fn update(&self, id: TeamId, change: TeamChange) -> Result<Team> {
        change.check()?;
        let changed = self.store.update_team(id, change, &self.context()).await;
        // Also where nobody knows whether it was written.
        self.authenticator.forget_all();
        changed
    }

    /// Switches a team on or off. Off stops all its keys at once.
    ///
    /// # Errors
    /// Those of [`Teams::update`].
    pub async fn set_active(&self, id: TeamId, is_active: bool) -> Result<Team> {
        self.update(id, TeamChange::active(is_active)).await
    }

    fn context(&self) -> ChangeContext {
        ChangeContext::new(self.actor.clone(), self.clock.now())
    }
}

/// There is no team of this id.
pub(crate) fn no_such_team(id: TeamId) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no team {id}"))
}

/// Another team has this name.
pub(crate) fn name_taken(name: &str) -> Error {
    Error::new(ErrorKind::AlreadyExists, format!("there is a team called {name:?}"))
}
