//! The SQLite back end keeps every promise of a store.

#![cfg(feature = "sqlite")]

use std::sync::Arc;

use arash_core::store::{SqlStore, Store};

arash_core::store_conformance!(async || {
    let folder = tempfile::tempdir().unwrap();
    let store = SqlStore::open(&format!("sqlite://{}/test.db", folder.path().display())).await.unwrap();
    (Arc::new(store) as Arc<dyn Store>, folder)
});
