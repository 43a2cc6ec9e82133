//! What teams are told: events, committed to the outbox together with their cause, and delivered to their endpoints.

mod attempt;
mod claim;
mod delivery;
mod endpoint;
mod endpoint_change;
mod endpoint_store;
mod event;
mod health;
mod key_event;
mod message_event;
mod quota_event;
mod store;
mod test_event;

pub use crate::event::{EventKind, EventKinds};
pub use crate::seal::Sealed;
pub use attempt::{Attempt, NextStep};
pub use claim::{ClaimedEvent, DueEvent, EventClaim, LOOK_AHEAD, LeasedEvents};
pub use delivery::{Delivery, DeliveryAttempt, DeliveryPage, DeliveryState, MAX_REDELIVERED, Redelivery};
pub use endpoint::{Endpoint, SecretColumn};
pub use endpoint_change::{EndpointChange, NewSecret, ReplacedSecret, SECRET_OVERLAP};
pub(crate) use endpoint_store::unregistered_key;
pub use endpoint_store::{EndpointStore, Resealed, SealedSecret};
pub use event::Event;
pub use health::EndpointNews;
pub use message_event::ToldMessage;
pub use store::OutboxStore;
