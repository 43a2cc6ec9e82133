//! The conformance suite: what every back end promises, as cases that run on any of them.
//!
//! A back end's whole test file is one line. `make` is called without arguments once a case, is awaited, and gives
//! an empty store and whatever has to live as long as it, such as a directory:
//!
//! ```text
//! arash_core::store_conformance!(async || {
//!     let directory = tempfile::tempdir().unwrap();
//!     let store = MyStore::open(directory.path()).await.unwrap();
//!     (Arc::new(store) as Arc<dyn Store>, directory)
//! });
//! ```
//!
//! The cases of the subject `claims` are for stores that several nodes share; where
//! [`shared`](crate::session::SessionStore::shared) gives `None`, they pass without doing anything.
//!
//! Whoever calls it needs `tokio` with the features `macros` and `rt-multi-thread` among the dev-dependencies.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a case that fails panics")]

mod asked_again;
mod audit;
mod batches;
#[macro_use]
mod cases;
mod claims;
mod deliveries;
mod endpoints;
mod event_order;
mod event_retention;
mod events;
mod fixtures;
mod inbox;
mod mended_endpoints;
mod messages;
mod outbox;
mod quota;
mod quota_races;
mod races;
mod receipts;
mod rotations;
mod sealing;
mod session_lists;
mod sessions;
mod settling;
mod started;
mod team_changes;
mod teams;
mod told;
mod turns;
mod usage;
mod values;

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::store::Store;

/// One case: it gets an empty store, and panics where a promise is broken.
pub type Case = fn(Arc<dyn Store>) -> BoxFuture<'static, ()>;

/// Turns every case into a `#[tokio::test]` of its own, named for the case; see
/// [`testing::store`](crate::testing::store).
#[macro_export]
macro_rules! store_conformance {
    (@cases [$make:expr] $($subject:ident { $($name:ident,)* })*) => { $($(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $name() {
            let make = $make;
            let (store, _guard) = make().await;
            $crate::testing::store::run(stringify!($name), store).await;
        }
    )*)* };
    ($make:expr) => { $crate::__store_cases! { $crate::store_conformance, $make } };
}

macro_rules! list_cases {
    (@cases [] $($subject:ident { $($name:ident,)* })*) => {
        /// All cases with their names.
        pub const CASES: &[(&str, Case)] = &[$($(
            (stringify!($name), |store| -> BoxFuture<'static, ()> { Box::pin($subject::$name(store)) }),
        )*)*];
    };
}

__store_cases! { list_cases, }

/// Runs the case called `name` on an empty store.
pub async fn run(name: &str, store: Arc<dyn Store>) {
    let case = CASES.iter().find(|(known, _)| *known == name).map(|(_, case)| case);
    assert!(case.is_some(), "there is no case {name:?}");
    if let Some(case) = case {
        case(store).await;
    }
}
