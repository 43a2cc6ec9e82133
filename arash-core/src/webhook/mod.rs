//! What teams are told: events, committed to the outbox together with their cause.

mod endpoint;
mod event;
pub mod guard;
pub mod signature;
mod store;

pub use crate::event::{EventKind, EventKinds};
pub use endpoint::{Endpoint, Sealed};
pub use event::{Event, MessageCompleted};
pub use store::{OutboxEvent, OutboxStore};
