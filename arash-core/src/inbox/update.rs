use std::sync::Arc;

use crate::clock::Timestamp;
use crate::id::UpdateId;

/// An update as a messenger sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUpdate {
    /// Its number.
    pub id: UpdateId,
    /// What it says, as JSON.
    pub payload: Arc<str>,
}

impl NewUpdate {
    /// The update with this number that says `payload`, which is JSON.
    pub fn new(id: UpdateId, payload: impl Into<Arc<str>>) -> Self {
        Self { id, payload: payload.into() }
    }
}

/// For how long updates are the caller's alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpdateLease {
    /// The time now.
    pub now: Timestamp,
    /// When others may claim them; at this moment they may.
    pub until: Timestamp,
}

/// An update that waits for its answer and is leased to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxUpdate {
    /// Its number.
    pub id: UpdateId,
    /// What it says, as JSON.
    pub payload: String,
    /// How far those who had it before have come, in their own JSON.
    pub progress: Option<String>,
    /// How often it was leased, this time included; at least 2, as whoever received it had it first.
    pub attempts: u32,
}

/// How many updates whose time is over were deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForgottenUpdates {
    /// Those that were done.
    pub done: u64,
    /// Those that still waited: nobody answered them.
    pub waiting: u64,
}
