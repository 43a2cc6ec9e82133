//! What teams are told: events, committed to the outbox together with their cause.

mod endpoint;
mod event;
pub mod guard;
#[cfg(feature = "webhooks")]
mod http;
mod sender;
pub mod signature;
mod store;

pub use crate::event::{EventKind, EventKinds};
pub use endpoint::{Endpoint, Sealed};
pub use event::{Event, MessageCompleted};
#[cfg(feature = "webhooks")]
pub use http::HttpSender;
pub use sender::{SendError, Sent, SignedEvent, WebhookSender};
pub use store::{OutboxEvent, OutboxStore};
