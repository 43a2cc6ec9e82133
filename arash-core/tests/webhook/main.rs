//! Webhooks: what is signed, whom it is sent to, and when.
#![cfg(feature = "webhooks")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what tests share may end a test as the tests themselves do"
)]

mod dns;
mod hostile_receivers;
mod hostile_targets;
mod sending;
mod signatures;
mod target_corpus;
mod tls;
#[path = "../support/upstream.rs"]
mod upstream;
