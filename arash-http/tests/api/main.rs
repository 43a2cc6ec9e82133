//! The host's routes over a real socket: one file a group of routes, statuses and bodies as snapshots.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails here")]

mod support;

mod admin_keys;
mod admin_overview;
mod admin_stats;
mod admin_teams;
mod admin_usage;
mod attachments;
mod audit;
mod authentication;
mod chat;
mod chat_faults;
mod connections;
mod cors;
mod figures;
mod found_by_attack;
mod health;
mod http_faults;
mod idempotency;
mod messages;
mod models;
mod openapi;
mod path_ids;
mod quota;
mod request_bodies;
mod revocation;
mod rights;
mod rights_between_teams;
mod rotation;
mod security_headers;
mod session_ids;
mod sessions;
mod shutdown;
mod storage_faults;
mod stream;
mod stream_disconnect;
mod stream_pace;
mod stream_resume;
mod stream_shutdown;
mod stream_stop;
mod team_lead;
#[path = "../../../arash-core/tests/support/upstream.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod upstream;
mod usage;
mod v1_completions;
mod v1_errors;
mod v1_idempotency;
mod v1_images;
mod v1_limits;
mod v1_models;
mod v1_streams;
mod v1_upstream;
mod webhook_deliveries;
mod webhook_tests;
mod webhooks;
