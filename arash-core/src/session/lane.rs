use std::fmt;

use crate::session::Session;
use crate::session::claims::HeldClaim;
use crate::session::lanes::Lane;

/// A session that is held: nobody else works with it until this is dropped.
pub struct SessionLane {
    /// Let go of before the lane is.
    pub(super) claim: Option<HeldClaim>,
    pub(super) lane: Lane,
}

impl fmt::Debug for SessionLane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLane").field("session", &self.lane.session).finish_non_exhaustive()
    }
}

impl SessionLane {
    /// The session; `None` after [`SessionLane::forget`].
    pub fn session(&self) -> Option<&Session> {
        self.lane.session.as_deref()
    }

    /// The session, to be brought to the state that was committed.
    pub fn session_mut(&mut self) -> Option<&mut Session> {
        self.lane.session.as_deref_mut()
    }

    /// Lets go of what is in memory: whoever holds the session next reads it from the store.
    pub fn forget(&mut self) {
        self.lane.session = None;
    }

    /// A turn was committed: with that the claim of the session has ended, on a store that nodes share.
    pub(crate) fn committed(&mut self) {
        if let Some(claim) = self.claim.take() {
            claim.ended();
        }
    }
}

impl Drop for SessionLane {
    fn drop(&mut self) {
        // What the store never saw must not be taken for something that it holds.
        if self.session().is_some_and(|session| session.version == 0) {
            self.forget();
        }
    }
}
