//! What teams are told: events, committed to the outbox together with their cause, and delivered to their endpoints.

mod attempt;
mod claim;
mod courier;
mod delivery;
mod dispatcher;
mod endpoint;
mod endpoint_change;
mod endpoint_store;
mod event;
mod feed;
pub mod guard;
mod health;
#[cfg(feature = "webhooks")]
mod http;
mod key_event;
mod message_event;
mod order;
mod quota_event;
mod schedule;
mod sealing;
mod secret;
mod sender;
pub mod signature;
mod store;
mod test_event;
mod tests_under_way;
mod webhooks;

pub use crate::event::{EventKind, EventKinds};
pub use crate::seal::Sealed;
pub use attempt::{Attempt, NextStep};
pub use claim::{ClaimedEvent, DueEvent, EventClaim, LOOK_AHEAD, LeasedEvents};
pub(crate) use courier::Courier;
pub use delivery::{Delivery, DeliveryAttempt, DeliveryPage, DeliveryState, MAX_REDELIVERED, Redelivery};
pub(crate) use dispatcher::{Dispatcher, DispatcherParts, Gauge};
pub use dispatcher::{DispatcherLoad, WebhookSettings};
pub use endpoint::{Endpoint, SecretColumn};
pub use endpoint_change::{EndpointChange, NewSecret, ReplacedSecret, SECRET_OVERLAP};
pub(crate) use endpoint_store::unregistered_key;
pub use endpoint_store::{EndpointStore, MAX_HURRIED, Resealed, SealedSecret};
pub use event::Event;
pub(crate) use feed::EventFeed;
pub use feed::{EventStream, StreamedEvent};
pub use health::EndpointNews;
#[cfg(feature = "webhooks")]
pub use http::HttpSender;
pub use message_event::ToldMessage;
pub use order::{order_of_key, order_of_quota};
pub use sealing::{Resealing, give_up_lost_secrets, register_keyring, reseal_secrets};
pub use sender::{SendError, Sent, SignedEvent, WebhookSender};
pub use store::OutboxStore;
pub(crate) use webhooks::WebhooksParts;
pub use webhooks::{EndpointPut, EndpointSpec, Webhooks};
