//! Stores to test on: each back end.

use std::sync::Arc;

use arash_core::store::{MemoryStore, SqlStore, Store};
use arash_core::testing::PostgresDatabase;

/// A store, and where it is, which goes when this is dropped.
pub(crate) struct TestStore {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) home: Home,
}

pub(crate) enum Home {
    Memory,
    Folder(tempfile::TempDir),
    Database(Box<PostgresDatabase>),
}

impl TestStore {
    /// The same data behind a new store, as after a restart.
    pub(crate) async fn reopen(self) -> Self {
        if matches!(self.home, Home::Memory) {
            return self;
        }
        self.store.close().await;
        Self::open(self.home).await
    }

    async fn open(home: Home) -> Self {
        let store = match &home {
            Home::Memory => Arc::new(MemoryStore::default()),
            Home::Folder(folder) => sql(&sqlite_url(folder)).await,
            Home::Database(database) => sql(database.url()).await,
        };
        Self { store, home }
    }
}

fn sqlite_url(folder: &tempfile::TempDir) -> String {
    format!("sqlite://{}/test.db", folder.path().display())
}

async fn sql(url: &str) -> Arc<dyn Store> {
    Arc::new(SqlStore::open(url).await.unwrap())
}

pub(crate) fn memory() -> TestStore {
    TestStore { store: Arc::new(MemoryStore::default()), home: Home::Memory }
}

pub(crate) async fn sqlite() -> TestStore {
    TestStore::open(Home::Folder(tempfile::tempdir().unwrap())).await
}

pub(crate) async fn postgres() -> TestStore {
    TestStore::open(Home::Database(Box::new(PostgresDatabase::create().await))).await
}

/// Gives the test as `$name::memory`, `$name::sqlite` and `$name::postgres`.
#[macro_export]
macro_rules! on_each_store {
    ($($name:ident)*) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn memory() {
                super::$name(super::stores::memory()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(super::stores::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(super::stores::postgres().await).await;
            }
        }
    )*};
}

/// Gives the test as `$name::memory` and `$name::sqlite`: what it is about cannot come up where nodes claim sessions.
#[macro_export]
macro_rules! on_each_unshared_store {
    ($($name:ident)*) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn memory() {
                super::$name(super::stores::memory()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(super::stores::sqlite().await).await;
            }
        }
    )*};
}
