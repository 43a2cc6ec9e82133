//! What teams are told: events, committed to the outbox together with their cause.

mod endpoint;
mod endpoint_change;
mod endpoint_store;
mod event;
pub mod guard;
pub mod signature;
mod store;

pub use crate::event::{EventKind, EventKinds};
pub use crate::seal::Sealed;
pub use endpoint::{Endpoint, SecretColumn};
pub use endpoint_change::{EndpointChange, NewSecret, ReplacedSecret, SECRET_OVERLAP};
pub(crate) use endpoint_store::unregistered_key;
pub use endpoint_store::{EndpointStore, Resealed, SealedSecret};
pub use event::{Event, MessageCompleted};
pub use store::{OutboxEvent, OutboxStore};
