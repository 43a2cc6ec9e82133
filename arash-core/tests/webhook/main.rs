//! Webhooks: what is signed, whom it is sent to, and when.
#![cfg(feature = "webhooks")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what tests share may end a test as the tests themselves do"
)]

mod signatures;
