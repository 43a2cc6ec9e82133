//! The conformance suite on SQLite.

#![cfg(feature = "sqlite")]

#[path = "support/engines.rs"]
mod engines;

