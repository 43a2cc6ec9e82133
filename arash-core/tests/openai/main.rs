//! The OpenAI-compatible provider.
#![cfg(feature = "openai")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what tests share may end a test as the tests themselves do"
)]

#[path = "../support/chat.rs"]
mod chat;
mod faults;
mod questions;
#[path = "../support/upstream.rs"]
mod upstream;
mod wire;
