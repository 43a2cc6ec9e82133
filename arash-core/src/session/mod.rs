//! Conversations: their names, their order, what is remembered of them.

mod cache;
mod history;
mod key;
mod lanes;
mod manager;
mod store;
mod types;

pub use history::History;
pub use key::{SessionKey, SessionKeyError};
pub use manager::{SessionLane, SessionManager, SessionSettings};
pub use store::{Claim, ClaimRequest, SessionFilter, SessionPage, SessionStore, SharedSessions};
pub use types::{Session, SessionCounts, SessionSummary};
