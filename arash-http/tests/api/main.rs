//! The host's routes over a real socket: one file a group of routes, statuses and bodies as snapshots.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails here")]

mod support;

mod admin_keys;
mod admin_teams;
mod attachments;
mod audit;
mod authentication;
mod chat;
mod chat_faults;
mod health;
mod http_faults;
mod idempotency;
mod openapi;
mod revocation;
mod rotation;
mod sessions;
mod shutdown;
mod storage_faults;
mod team_lead;
