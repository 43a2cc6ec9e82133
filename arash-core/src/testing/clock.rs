use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::clock::{Clock, Timestamp};

/// A clock that stands still until it is turned. Clones are the same clock.
///
/// ```
/// use std::time::Duration;
/// use arash_core::clock::{Clock, Timestamp};
/// use arash_core::testing::ManualClock;
///
/// let clock = ManualClock::new(Timestamp::from_millis(1_000));
/// clock.advance(Duration::from_secs(2));
/// assert_eq!(clock.now(), Timestamp::from_millis(3_000));
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    millis: Arc<AtomicI64>,
}

impl ManualClock {
    /// A clock that shows `at`.
    pub fn new(at: Timestamp) -> Self {
        Self { millis: Arc::new(AtomicI64::new(at.as_millis())) }
    }

    /// Turns it on by `time`.
    pub fn advance(&self, time: Duration) {
        let forward = |millis| Some(Timestamp::from_millis(millis).plus(time).as_millis());
        // The closure always gives a value, so this cannot fail.
        let _ = self.millis.fetch_update(Ordering::SeqCst, Ordering::SeqCst, forward);
    }

    /// Sets it to `at`, which may lie in its past.
    pub fn set(&self, at: Timestamp) {
        self.millis.store(at.as_millis(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.load(Ordering::SeqCst))
    }
}
