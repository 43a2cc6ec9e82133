//! The server's clock: it runs like any other, and tests can turn it on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// A moment, in microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, as the Bot API tells times.
    pub const fn unix_seconds(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The moment `delay` later.
    pub fn plus(self, delay: Duration) -> Self {
        Self(self.0.saturating_add(micros(delay)))
    }

    /// The time that passed since `earlier`; zero if that lies in the future.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Tells the time. Clones show the same time.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    began: Timestamp,
    at: Instant,
    set: Arc<Mutex<Set>>,
}

/// What was done to a clock.
#[derive(Clone, Copy, Debug, Default)]
struct Set {
    turned: Duration,
    /// For how long it had run when it was stopped.
    stopped: Option<Duration>,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "bots compare the dates of messages with the machine's clock")]
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { began: Timestamp(micros(since_epoch)), at: Instant::now(), set: Arc::default() }
    }

    fn set(&self) -> MutexGuard<'_, Set> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Timestamp {
        let Set { turned, stopped } = *self.set();
        self.began.plus(stopped.unwrap_or_else(|| self.at.elapsed())).plus(turned)
    }

    pub(crate) fn turn(&self, forward: Duration) {
        self.set().turned += forward;
    }

    pub(crate) fn stop(&self) {
        self.set().stopped.get_or_insert(self.at.elapsed());
    }
}
