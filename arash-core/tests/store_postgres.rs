//! The PostgreSQL back end keeps every promise of a store.

#![cfg(feature = "postgres")]

use std::sync::Arc;

use arash_core::store::{SqlStore, Store};
use arash_core::testing::PostgresDatabase;

arash_core::store_conformance!(async || {
    let database = PostgresDatabase::create().await;
    let store = SqlStore::open(database.url()).await.unwrap();
    (Arc::new(store) as Arc<dyn Store>, database)
});
