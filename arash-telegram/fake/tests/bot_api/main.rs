//! The server over HTTP: one file a subject, in Telegram's words.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails here")]

mod support;

mod edits;
mod faults;
mod polling;
mod record;
mod texts;
