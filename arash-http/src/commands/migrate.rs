//! `arash-http migrate`: brings the database's schema up to date.

use arash_core::Result;
use arash_core::settings::DatabaseSettings;
use arash_core::store::{SchemaChange, SqlStore, Store};
use clap::Args;
use serde_json::json;

use super::output::{Output, table};

/// Brings the database's schema up to date. A start does the same; this does it beforehand, and tells what it did
#[derive(Args, Clone, Copy, Debug)]
pub struct Migrate {
    /// Only tells what would be done
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    output: Output,
}

impl Migrate {
    /// Does it; tells what was or would be done.
    ///
    /// # Errors
    /// When the database cannot be opened or changed.
    pub async fn run(self, database: &DatabaseSettings) -> Result<String> {
        let changes = SqlStore::schema_changes(database.url.expose()).await?;
        let (applied, missing): (Vec<_>, Vec<_>) = changes.into_iter().partition(|change| change.is_applied);
        if !self.dry_run {
            SqlStore::open_with(database.url.expose(), database.options).await?.close().await;
        }
        let state = if self.dry_run { "missing" } else { "applied now" };
        let entry = |change: &SchemaChange| json!({"version": change.version, "name": change.name});
        let value = json!({
            "dry_run": self.dry_run,
            "applied_before": applied.iter().map(entry).collect::<Vec<_>>(),
            if self.dry_run { "missing" } else { "applied_now" }: missing.iter().map(entry).collect::<Vec<_>>(),
        });
        Ok(self.output.write(&value, || {
            let row = |state: &str, change: &SchemaChange| {
                [change.version.to_string(), change.name.to_owned(), state.to_owned()]
            };
            let before = applied.iter().map(|change| row("applied before", change));
            table(["VERSION", "NAME", "STATE"], before.chain(missing.iter().map(|change| row(state, change))))
        }))
    }
}
