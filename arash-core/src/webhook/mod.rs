//! What teams are told: events, committed to the outbox together with their cause.

mod endpoint;
mod event;
mod store;

pub use crate::event::{EventKind, EventKinds};
pub use crate::seal::Sealed;
pub use endpoint::Endpoint;
pub use event::{Event, MessageCompleted};
pub use store::{OutboxEvent, OutboxStore};
