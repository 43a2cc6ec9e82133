//! The HTTP host of arash: the engine of [`arash_core`] as a REST API.
//!
//! Every answer that is not a success is a problem (RFC 9457) in one shape, every body is checked whole, and
//! every status of every operation is in the OpenAPI document ([`openapi_document`]).
//!
//! The binary `arash-http` configures the engine from flags and environment. A program of one's own
//! builds the engine itself and hands it to [`serve`]; tests call [`routes`] without a socket.
//!
//! A request passes, from the outside in: the edge (request id, log line, problems for whatever fails) → the
//! router → the key → the level → path, query and body → the operation.

mod acceptor;
mod api;
mod auth;
mod body;
mod choice;
pub mod commands;
mod connection;
mod cors;
mod cursor;
mod document;
mod edge;
mod event_stream;
mod examples;
mod explorer;
mod exposition;
mod head_scan;
mod id;
mod idempotency;
mod limits;
mod links;
mod moment;
mod operations;
mod page;
mod problem;
mod refusal;
mod request_id;
mod routes;
mod scalar;
mod schema;
mod secret_text;
mod security_headers;
mod serve;
mod stopping;
mod text;
mod time;
mod trace_context;
mod traffic;
mod whole_number;

pub use api::document as openapi_document;
pub use limits::Limits;
pub use routes::routes;
pub use serve::{serve, serve_with_bot, serve_within};
