//! What teams are told: events, committed to the outbox together with their cause.

mod endpoint;
mod endpoint_change;
mod endpoint_store;
mod event;
pub mod guard;
mod sealing;
mod secret;
pub mod signature;
mod store;
mod webhooks;

pub use crate::event::{EventKind, EventKinds};
pub use crate::seal::Sealed;
pub use endpoint::{Endpoint, SecretColumn};
pub use endpoint_change::{EndpointChange, NewSecret, ReplacedSecret, SECRET_OVERLAP};
pub(crate) use endpoint_store::unregistered_key;
pub use endpoint_store::{EndpointStore, Resealed, SealedSecret};
pub use event::{Event, MessageCompleted};
pub use sealing::{Resealing, register_keyring, reseal_secrets};
pub use store::{OutboxEvent, OutboxStore};
pub(crate) use webhooks::WebhooksParts;
pub use webhooks::{EndpointPut, EndpointSpec, Webhooks};
