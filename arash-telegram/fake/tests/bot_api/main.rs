//! The server over HTTP: one file a subject, in Telegram's words.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails here")]

mod support;

mod callbacks;
mod chats;
mod commands;
mod deletions;
mod drafts;
mod edits;
mod entities;
mod faults;
mod files;
mod flood;
mod groups;
mod keyboards;
mod page;
mod parse_modes;
mod polling;
mod record;
mod replies;
mod rich_messages;
mod texts;
mod topics;
mod transport;
mod webhooks;
