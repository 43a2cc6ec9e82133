//! Stores to test on: each back end.

use std::sync::Arc;

use arash_core::store::{MemoryStore, SqlStore, Store};

/// A store, and the folder that goes when it is dropped.
pub(crate) struct TestStore {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) folder: Option<tempfile::TempDir>,
}

impl TestStore {
    /// The same data behind a new store, as after a restart.
    pub(crate) async fn reopen(self) -> Self {
        let Some(folder) = self.folder else {
            return self;
        };
        self.store.close().await;
        Self::open(folder).await
    }

    async fn open(folder: tempfile::TempDir) -> Self {
        let url = format!("sqlite://{}/test.db", folder.path().display());
        Self { store: Arc::new(SqlStore::open(&url).await.unwrap()), folder: Some(folder) }
    }
}

pub(crate) fn memory() -> TestStore {
    TestStore { store: Arc::new(MemoryStore::default()), folder: None }
}

pub(crate) async fn sqlite() -> TestStore {
    TestStore::open(tempfile::tempdir().unwrap()).await
}

/// Gives the test both as `$name::memory` and `$name::sqlite`.
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
        }
    )*};
}
