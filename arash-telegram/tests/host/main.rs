//! The host against the fake Bot API server: what a person on Telegram sees.
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

mod answers;
mod running_bot;
