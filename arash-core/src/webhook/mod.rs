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
mod schedule;
mod sender;
pub mod signature;
mod store;

pub use crate::event::{EventKind, EventKinds};
pub use attempt::{Attempt, NextStep};
pub(crate) use claim::LOOK_AHEAD;
pub use claim::{ClaimedEvent, DueEvent, EventClaim, LeasedEvents};
pub(crate) use courier::Courier;
pub use courier::SecretOpener;
pub use delivery::{Delivery, DeliveryAttempt, DeliveryPage, DeliveryState, MAX_REDELIVERED, Redelivery};
pub(crate) use dispatcher::{Dispatcher, DispatcherParts, Gauge};
pub use dispatcher::{DispatcherLoad, WebhookSettings};
pub use endpoint::{Endpoint, Sealed};
pub use endpoint_change::{EndpointChange, NewSecret, ReplacedSecret, SECRET_OVERLAP};
pub use endpoint_store::EndpointStore;
pub use event::{Event, MessageCompleted};
pub(crate) use feed::EventFeed;
pub use feed::{EventStream, StreamedEvent};
pub(crate) use health::EndpointNews;
#[cfg(feature = "webhooks")]
pub use http::HttpSender;
pub use sender::{SendError, Sent, SignedEvent, WebhookSender};
pub use store::OutboxStore;
