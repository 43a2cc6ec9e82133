//! Conversations: their names, their order, what is remembered of them.

mod cache;
mod claims;
mod counts;
mod history;
mod key;
mod lane;
mod lanes;
mod manager;
mod remembered;
mod store;
mod types;
mod window;

pub use history::History;
pub use key::{SessionKey, SessionKeyError};
pub use lane::SessionLane;
pub use lanes::SessionLoad;
pub use manager::{SessionManager, SessionSettings};
pub use store::{Claim, ClaimRequest, MessagePage, SessionFilter, SessionPage, SessionStore, SharedSessions};
pub use types::{Session, SessionCounts, SessionGroup, SessionSummary, StoredMessage};
pub use window::{ContextOverflow, ContextWindow};
