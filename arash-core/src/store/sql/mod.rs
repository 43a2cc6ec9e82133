//! The SQL back end, on a SQLite file.

mod batch;
mod commit;
mod db;
mod migrations;
mod quota;
mod rows;
mod sessions;
mod teams;
mod turns;
mod usage;
mod value;

use std::fmt;

use async_trait::async_trait;

use crate::error::Result;
use crate::store::Store;
use crate::store::sql::db::Db;

/// Names constant statements and lists them, so that a test can prepare every one of them.
macro_rules! statements {
    ($($name:ident = $sql:expr;)*) => {
        $(const $name: &str = $sql;)*

        #[cfg(test)]
        pub(super) const STATEMENTS: &[&str] = &[$($name),*];
    };
}
use statements;

/// Keeps everything in a SQL database.
///
/// A commit that was acknowledged survives `kill -9` and a loss of power. One engine per file: a second one is safe
/// (nothing is lost or overspent), but each may answer from what it remembers of a session until its commit is refused.
#[derive(Clone)]
pub struct SqlStore {
    db: Db,
}

impl fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore").finish_non_exhaustive()
    }
}

impl SqlStore {
    /// Opens the database behind `url`, such as `sqlite://arash.db`; makes the file if there is none, and brings its
    /// schema up to date.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when the address is none of a database that is built in;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the database cannot be opened.
    pub async fn open(url: &str) -> Result<Self> {
        Ok(Self { db: Db::open(url).await? })
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn health(&self) -> Result<()> {
        // Both doors: a store that can be read but not written is not well.
        self.db.fetch_all("SELECT 1 AS one", &[]).await?;
        self.db.transact("health", |_| Box::pin(async { Ok(()) })).await
    }

    async fn close(&self) {
        self.db.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_statement_can_be_prepared() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqlStore::open(&format!("sqlite://{}/test.db", folder.path().display())).await.unwrap();
        let fixed = [commit::STATEMENTS, quota::STATEMENTS, sessions::STATEMENTS];
        let more = [teams::STATEMENTS, turns::STATEMENTS, usage::STATEMENTS];
        for sql in fixed.iter().chain(&more).copied().flatten() {
            store.db.prepare(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        }
        for batch in commit::BATCHES {
            let sql: &'static str = Box::leak(batch.sample().into_boxed_str());
            store.db.prepare(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        }
        store.close().await;
    }

    #[tokio::test]
    async fn addresses_that_cannot_work_are_refused() {
        for url in [
            "sqlite:",
            "sqlite://",
            "sqlite://?mode=rwc",
            "sqlite::memory:",
            "postgres://localhost/x",
            "arash.db",
            "sqlite://x?mode=memory",
        ] {
            assert_eq!(SqlStore::open(url).await.unwrap_err().kind(), crate::ErrorKind::InvalidInput, "{url}");
        }
        let error = SqlStore::open("sqlite:///no/such/folder/x.db").await.unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Unavailable);
    }
}
