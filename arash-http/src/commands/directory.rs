//! Teams and keys straight in the database, without a running service.

use std::sync::Arc;

use arash_core::clock::SystemClock;
use arash_core::id::TeamId;
use arash_core::settings::DatabaseSettings;
use arash_core::store::{SqlStore, Store};
use arash_core::team::{ApiKeys, Authenticator, PageAfter, Team, Teams};
use arash_core::{Error, ErrorKind, Result};

/// Entries that are read at a time.
const PAGE: u32 = 200;

/// The teams and keys of a database. What is changed here is seen by running services within a second.
pub(super) struct Directory {
    store: Arc<SqlStore>,
    pub(super) teams: Teams,
    pub(super) keys: ApiKeys,
}

impl Directory {
    /// Opens the database, does `work`, and lets go of it.
    pub(super) async fn visit<T>(database: &DatabaseSettings, work: impl AsyncFnOnce(&Self) -> Result<T>) -> Result<T> {
        let store = Arc::new(SqlStore::open_with(database.url.expose(), database.options).await?);
        let clock = Arc::new(SystemClock);
        let authenticator = Arc::new(Authenticator::new(store.clone(), clock.clone()));
        let teams = Teams::new(store.clone(), authenticator.clone(), clock.clone());
        let keys = ApiKeys::new(store.clone(), authenticator, clock);
        let directory = Self { store, teams, keys };
        let done = work(&directory).await;
        directory.store.close().await;
        done
    }

    /// The team that `text` names: by its id, or else by its name.
    pub(super) async fn team(&self, text: &str) -> Result<Team> {
        if let Ok(id) = text.parse() {
            return self.teams.get(TeamId(id)).await;
        }
        let teams = self.all_teams(false).await?;
        let found = teams.into_iter().find(|team| team.name == text);
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no team {text:?}")))
    }

    pub(super) async fn all_teams(&self, active_only: bool) -> Result<Vec<Team>> {
        all(async |page| self.teams.list(active_only, page).await, |team| team.id.0).await
    }
}

/// All entries of a list, page by page.
pub(super) async fn all<T>(list: impl AsyncFn(PageAfter) -> Result<Vec<T>>, id: impl Fn(&T) -> i64) -> Result<Vec<T>> {
    let mut entries = Vec::new();
    loop {
        let after = entries.last().map_or(0, &id);
        let page = list(PageAfter { after, limit: PAGE }).await?;
        let is_last = page.len() < PAGE as usize;
        entries.extend(page);
        if is_last {
            return Ok(entries);
        }
    }
}
