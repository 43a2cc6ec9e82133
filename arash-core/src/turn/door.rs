use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};

/// When it makes sense to try again: storage is checked about as often.
const RETRY_AFTER: Duration = Duration::from_secs(2);

const WELL: u8 = 0;
/// A turn could not be written for a reason of its own, or of a defect.
const UNWELL: u8 = 1;
/// Storage could not be reached.
const AWAY: u8 = 2;

/// What the last attempt to write tells of storage. While it is away nobody is let in whose turn could not be recorded.
#[derive(Clone, Debug, Default)]
pub(super) struct Door(Arc<AtomicU8>);

impl Door {
    /// Notes how an attempt to write ended: well, or with this fault.
    pub(super) fn note(&self, fault: Option<ErrorKind>) {
        let state = match fault {
            None => WELL,
            Some(ErrorKind::Unavailable) => AWAY,
            Some(_) => UNWELL,
        };
        self.0.store(state, Ordering::Relaxed);
    }

    /// Whether everything could be written lately.
    pub(super) fn is_well(&self) -> bool {
        self.0.load(Ordering::Relaxed) == WELL
    }

    /// Whether storage could not be reached when it was last tried.
    pub(super) fn is_away(&self) -> bool {
        self.0.load(Ordering::Relaxed) == AWAY
    }

    /// Refuses while storage is away.
    pub(super) fn check(&self) -> Result<()> {
        if self.is_away() {
            return Err(Error::unavailable("storage cannot be reached right now").with_retry_after(RETRY_AFTER));
        }
        Ok(())
    }
}
