use std::sync::Arc;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, FieldError, Result};
use crate::id::TeamId;
use crate::platform::ModelId;
use crate::team::{Authenticator, NewTeam, PageAfter, Team, TeamStore};

/// Longest name of a team or key, in characters.
pub(super) const MAX_NAME_CHARS: usize = 255;
/// Longest description, in characters.
pub(super) const MAX_DESCRIPTION_CHARS: usize = 2_000;

/// What a new team is to be like.
#[derive(Clone, Debug, Default)]
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

pub(super) fn check_name(name: &str, faults: &mut Vec<FieldError>) {
    let chars = name.chars().count();
    if name.trim().is_empty() || chars > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        let message = format!("must have 1 to {MAX_NAME_CHARS} characters, none of them a control character");
        faults.push(FieldError { field: "name".into(), message: message.into() });
    }
}

pub(super) fn check_description(description: Option<&str>, faults: &mut Vec<FieldError>) {
    if description.is_some_and(|text| text.chars().count() > MAX_DESCRIPTION_CHARS || text.contains('\0')) {
        let message = format!("must have at most {MAX_DESCRIPTION_CHARS} characters, none of them U+0000");
        faults.push(FieldError { field: "description".into(), message: message.into() });
    }
}

pub(super) fn check_quota(field: &'static str, quota: Option<u64>, faults: &mut Vec<FieldError>) {
    const MOST: u64 = 1_000_000_000_000;
    if quota.is_some_and(|quota| quota > MOST) {
        faults.push(FieldError { field: field.into(), message: format!("must be 0 to {MOST}, or null").into() });
    }
}

/// Makes, lists and switches teams.
#[derive(Clone, Debug)]
pub struct Teams {
    store: Arc<dyn TeamStore>,
    authenticator: Arc<Authenticator>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for dyn TeamStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TeamStore")
    }
}

impl Teams {
    /// The teams of `store`; `authenticator` forgets what changes here.
    pub fn new(store: Arc<dyn TeamStore>, authenticator: Arc<Authenticator>, clock: Arc<dyn Clock>) -> Self {
        Self { store, authenticator, clock }
    }

    /// Makes a team.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) naming every field at fault;
    /// [`AlreadyExists`](ErrorKind::AlreadyExists) when the name is taken.
    pub async fn create(&self, spec: TeamSpec) -> Result<Team> {
        self.store.create_team(spec.check()?, self.clock.now()).await
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

    /// Switches a team on or off. Off stops all its keys at once.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when there is none.
    pub async fn set_active(&self, id: TeamId, is_active: bool) -> Result<Team> {
        let changed = self.store.set_team_active(id, is_active, self.clock.now()).await;
        self.authenticator.forget_all();
        changed?.ok_or_else(|| no_such_team(id))
    }
}

pub(super) fn no_such_team(id: TeamId) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no team {id}"))
}
