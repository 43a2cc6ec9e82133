//! Webhooks: what is signed, whom it is sent to, and when.
#![cfg(feature = "webhooks")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what tests share may end a test as the tests themselves do"
)]

mod deliveries;
mod dns;
#[path = "../support/faulty.rs"]
mod faulty;
mod hostile_receivers;
mod hostile_targets;
mod isolation;
mod nodes;
mod ordering;
mod outages;
mod scripted_sender;
mod sending;
mod signatures;
#[path = "../support/stores.rs"]
#[expect(dead_code, reason = "nothing is opened again here")]
mod stores;
mod target_corpus;
mod tenants;
mod tls;
#[path = "../support/upstream.rs"]
mod upstream;
