//! The memory back end keeps every promise of a store.

use std::sync::Arc;

use arash_core::store::{MemoryStore, Store};

arash_core::store_conformance!(async || (Arc::new(MemoryStore::new()) as Arc<dyn Store>, ()));
