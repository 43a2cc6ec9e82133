//! What teams are told: events, committed to the outbox together with their cause.

mod event;
mod store;

pub use event::{Event, EventKind, MessageCompleted};
pub use store::{OutboxEvent, OutboxStore};
