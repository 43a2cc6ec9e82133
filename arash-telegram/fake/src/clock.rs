//! The server's clock: it runs like any other, and tests can turn it on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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
    turned: Arc<AtomicU64>,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "bots compare the dates of messages with the machine's clock")]
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { began: Timestamp(micros(since_epoch)), at: Instant::now(), turned: Arc::default() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let turned = Duration::from_micros(self.turned.load(Ordering::SeqCst));
        self.began.plus(self.at.elapsed()).plus(turned)
    }

    pub(crate) fn turn(&self, forward: Duration) {
        self.turned.fetch_add(micros(forward), Ordering::SeqCst);
    }
}
