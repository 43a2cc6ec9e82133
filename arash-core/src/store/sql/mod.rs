//! The SQL back end: one layer over SQLite and PostgreSQL.
#![cfg_attr(
    not(all(feature = "sqlite", feature = "postgres")),
    expect(
        unused,
        irrefutable_let_patterns,
        clippy::unnecessary_wraps,
        reason = "what only the engine that is not built in needs"
    )
)]

mod attempts;
mod audit;
mod batch;
mod changes;
mod claims;
mod commit;
mod db;
mod deliveries;
mod endpoint_rows;
mod endpoints;
mod event_claims;
mod events;
mod fault;
mod inbox;
#[cfg(test)]
mod inbox_plan_tests;
mod message_rows;
mod migrations;
mod outbox;
#[cfg(test)]
mod outbox_plan_tests;
#[cfg(feature = "postgres")]
mod partitions;
#[cfg(test)]
mod plan_tests;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod presence;
mod quota;
mod receipts;
mod rows;
mod sessions;
#[cfg(feature = "sqlite")]
mod sqlite;
mod team_rows;
mod teams;
mod text;
mod thresholds;
mod turns;
mod usage;
mod value;

pub use changes::SchemaChange;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::store::sql::db::Db;
use crate::store::sql::text::Sql;
use crate::store::{Connections, SqlOptions, Store};

/// Keeps everything in a SQL database: a SQLite file (feature `sqlite`), or a PostgreSQL server that any number of
/// nodes may share (feature `postgres`).
///
/// What was acknowledged survives `kill -9`, and a loss of power as [`Durability`](crate::store::Durability) says. A
/// SQLite file is meant for one engine. A second one is safe (nothing is lost or overspent), but each may answer from
/// what it remembers of a session until its commit is refused. An engine that starts and finds no other on the file, by a
/// lock on the file `NAME.lock` beside it, ends at once what died ones had begun. On PostgreSQL nodes claim sessions from
/// each other, and what a dead one had begun is ended when its time is over.
#[derive(Clone)]
pub struct SqlStore {
    db: Db,
    /// Whether deleted content still lies in SQLite's log.
    is_log_to_be_emptied: Arc<AtomicBool>,
}

impl fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore").field("dialect", &self.db.dialect()).finish_non_exhaustive()
    }
}

impl SqlStore {
    /// Opens the database behind `url`, such as `sqlite://arash.db` or `postgres://user:password@host/name`, and
    /// brings its schema up to date. A SQLite file is made if there is none; a PostgreSQL database has to exist.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when the address is none of a database that is built in;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the database cannot be opened.
    pub async fn open(url: &str) -> Result<Self> {
        Self::open_with(url, SqlOptions::default()).await
    }

    /// The same as [`SqlStore::open`], with options.
    ///
    /// # Errors
    /// Those of [`SqlStore::open`].
    pub async fn open_with(url: &str, options: SqlOptions) -> Result<Self> {
        // Whoever had it before may have ended between deleting something and emptying the log.
        Ok(Self { db: Db::open(url, options).await?, is_log_to_be_emptied: Arc::new(AtomicBool::new(true)) })
    }

    /// The file behind the address of a SQLite database; `None` for any other address.
    pub fn sqlite_file(url: &str) -> Option<PathBuf> {
        #[cfg(feature = "sqlite")]
        if url.starts_with("sqlite:") {
            let options = sqlite::options(url, crate::store::Durability::default()).ok()?;
            return Some(options.get_filename().to_owned());
        }
        None
    }

    /// Something that was said was deleted, but still lies in SQLite's log; the next upkeep takes it out.
    fn note_deletion(&self) {
        self.is_log_to_be_emptied.store(true, Ordering::Relaxed);
    }
}

const HEALTH: Sql = Sql::both("SELECT 1 AS one");
/// Writes nothing, but a server that only reads refuses it. SQLite says so when the transaction begins.
const WRITE_NOTHING: Sql = Sql::postgres("UPDATE node_epochs SET epoch = epoch WHERE FALSE");

#[async_trait]
impl Store for SqlStore {
    async fn health(&self) -> Result<()> {
        // Both doors: a store that can be read but not written is not well.
        self.db.fetch_all(HEALTH, &[]).await?;
        self.db.transact("health", |tx| Box::pin(async { tx.execute(WRITE_NOTHING, &[]).await.map(drop) })).await
    }

    async fn upkeep(&self, now: Timestamp) -> Result<()> {
        #[cfg(feature = "postgres")]
        if let Some(db) = self.db.postgres() {
            partitions::keep_ahead(db, now).await?;
        }
        #[cfg(feature = "sqlite")]
        if let Some(db) = self.db.sqlite()
            && self.is_log_to_be_emptied.swap(false, Ordering::Relaxed)
            && !db.checkpoint().await.unwrap_or(false)
        {
            // Somebody was reading; there is a next time.
            self.note_deletion();
        }
        Ok(())
    }

    async fn take_over(&self, now: Timestamp) -> Result<bool> {
        #[cfg(feature = "sqlite")]
        if let Some(db) = self.db.sqlite()
            && let Some(alone) = db.presence().enter().await
        {
            let ended = self
                .db
                .transact("take_over", move |tx| {
                    Box::pin(async move {
                        turns::end_all_leases(tx, now).await?;
                        inbox::end_all_leases(tx).await
                    })
                })
                .await;
            alone.let_others_in().await;
            return ended.map(|()| true);
        }
        Ok(false)
    }

    fn connections(&self) -> Connections {
        self.db.connections()
    }

    async fn close(&self) {
        self.db.close().await;
    }
}

/// The texts of all statements; those over many rows for each number of rows that is sent at once.
#[cfg(test)]
fn all_statements(dialect: text::Dialect) -> Vec<String> {
    let fixed = [commit::STATEMENTS, quota::STATEMENTS, sessions::STATEMENTS, claims::STATEMENTS];
    let more = [teams::STATEMENTS, turns::STATEMENTS, usage::STATEMENTS, inbox::STATEMENTS];
    let changes = [team_rows::STATEMENTS, receipts::STATEMENTS, audit::STATEMENTS];
    let webhooks = [
        endpoints::STATEMENTS,
        endpoint_rows::STATEMENTS,
        event_claims::STATEMENTS,
        deliveries::STATEMENTS,
        thresholds::STATEMENTS,
    ];
    let fixed = fixed
        .iter()
        .chain(&more)
        .chain(&changes)
        .chain(&webhooks)
        .copied()
        .flatten()
        .map(|sql| sql.text(dialect).to_owned());
    let renewals = [&turns::RENEW_TURNS, &claims::RENEW_CLAIMS];
    let batches = commit::BATCHES.iter().chain(&quota::BATCHES).chain(&sessions::BATCHES).chain(&renewals);
    let batches = batches.chain(&attempts::BATCHES).chain(&deliveries::BATCHES).chain(&inbox::BATCHES);
    fixed.chain(batches.flat_map(|batch| batch.samples(dialect))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn prepare_all(store: &SqlStore) {
        for sql in all_statements(store.db.dialect()) {
            store.db.prepare(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        }
        store.close().await;
    }

    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn every_statement_can_be_prepared_on_sqlite() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqlStore::open(&format!("sqlite://{}/test.db", folder.path().display())).await.unwrap();
        prepare_all(&store).await;
    }

    #[cfg(all(feature = "postgres", feature = "testing"))]
    #[tokio::test]
    async fn every_statement_can_be_prepared_on_postgres() {
        let database = crate::testing::PostgresDatabase::create().await;
        prepare_all(&SqlStore::open(database.url()).await.unwrap()).await;
    }

    #[test]
    fn no_statement_changes_the_audit_log() {
        for sql in [text::Dialect::Sqlite, text::Dialect::Postgres].into_iter().flat_map(all_statements) {
            assert!(!sql.contains("UPDATE audit_log") && !sql.contains("DELETE FROM audit_log"), "{sql}");
        }
    }

    #[tokio::test]
    async fn addresses_that_cannot_work_are_refused() {
        for url in [
            "sqlite:",
            "sqlite://",
            "sqlite://?mode=rwc",
            "sqlite::memory:",
            "mysql://localhost/x",
            "postgres://localhost:port/x",
            "arash.db",
            "sqlite://x?mode=memory",
        ] {
            assert_eq!(SqlStore::open(url).await.unwrap_err().kind(), crate::ErrorKind::InvalidInput, "{url}");
        }
        let error = SqlStore::open("sqlite:///no/such/folder/x.db").await.unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Unavailable);
    }
}
