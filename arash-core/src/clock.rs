//! Time as an input: what reads the clock is handed one, so that tests can turn it.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};

/// A moment, in milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment that is `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The moment `delay` later.
    #[must_use]
    pub fn plus(self, delay: Duration) -> Self {
        Self(self.0.saturating_add(millis(delay)))
    }

    /// The moment `delay` earlier.
    #[must_use]
    pub fn minus(self, delay: Duration) -> Self {
        Self(self.0.saturating_sub(millis(delay)))
    }

    /// The time that passed since `earlier`; zero if that lies in the future.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The moment that a text of the form of RFC 3339 tells, at any offset from UTC.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|time| Self(time.timestamp_millis()))
    }

    /// RFC 3339 in UTC with `Z`, in whole seconds when there are no milliseconds: `2025-11-01T12:00:00Z`.
    pub fn to_rfc3339(self) -> String {
        let form = if self.0.rem_euclid(1000) == 0 { SecondsFormat::Secs } else { SecondsFormat::Millis };
        DateTime::from_timestamp_millis(self.0).map(|time| time.to_rfc3339_opts(form, true)).unwrap_or_default()
    }
}

fn millis(delay: Duration) -> i64 {
    i64::try_from(delay.as_millis()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

/// Where the engine reads the time.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(millis(since_epoch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc_with_z() {
        assert_eq!(Timestamp::from_millis(1_762_000_000_000).to_rfc3339(), "2025-11-01T12:26:40Z");
        assert_eq!(Timestamp::from_millis(1_762_000_000_250).to_rfc3339(), "2025-11-01T12:26:40.250Z");
    }

    #[test]
    fn times_are_read_at_any_offset() {
        let at = Timestamp::from_millis(1_762_000_000_250);
        for text in ["2025-11-01T12:26:40.250Z", "2025-11-01T15:56:40.25+03:30", "2025-11-01t12:26:40.250999z"] {
            assert_eq!(Timestamp::from_rfc3339(text), Some(at), "{text}");
        }
        for text in ["", "2025-11-01", "2025-11-01T12:26:40", "2025-13-01T12:26:40Z", "soon"] {
            assert_eq!(Timestamp::from_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_in_the_future_passed_no_time() {
        let (now, later) = (Timestamp::from_millis(5), Timestamp::from_millis(9));
        assert_eq!(now.since(later), Duration::ZERO);
        assert_eq!(later.since(now), Duration::from_millis(4));
    }
}
