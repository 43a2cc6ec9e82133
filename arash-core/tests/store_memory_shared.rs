//! The memory back end keeps every promise of a store that several nodes share.

use std::sync::Arc;

use arash_core::store::{MemoryStore, Store};

arash_core::store_conformance!(async || (Arc::new(MemoryStore::shared_by_nodes()) as Arc<dyn Store>, ()));
