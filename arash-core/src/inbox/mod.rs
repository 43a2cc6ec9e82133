//! What messengers send to bots: every update is kept until it is answered, so that none is lost and none is taken in twice.

mod service;
mod store;
mod update;

pub use service::{Inbox, MAX_IDS, MAX_JSON_BYTES, MAX_UPDATES};
pub use store::InboxStore;
pub use update::{ForgottenUpdates, InboxUpdate, NewUpdate, UpdateLease};
