//! When one more may go: so many a time on average, a few at once after a rest.

use std::time::Duration;

use tokio::time::Instant;

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    /// From one to the next, where many wait.
    pub(super) interval: Duration,
    /// How many may go at once after a rest.
    pub(super) burst: u32,
}

/// What has gone so far, by the generic cell rate algorithm: one instant tells it all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    rate: Rate,
    /// When everything that has gone would have gone without a burst.
    settled: Instant,
    /// Nothing goes before this.
    held_until: Instant,
}

impl Pace {
    pub(super) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, settled: now, held_until: now }
    }

    /// When the next one may go, if `kept` of a burst are left to others.
    pub(super) fn next(&self, kept: u32, now: Instant) -> Instant {
        let due = self.settled.checked_sub(self.ahead(kept)).unwrap_or(now);
        due.max(now).max(self.held_until)
    }

    /// By how much a burst may be ahead of the average.
    fn ahead(&self, kept: u32) -> Duration {
        self.rate.interval * self.rate.burst.saturating_sub(kept + 1)
    }

    /// Whether one may go now, and leave `kept` of a burst to others.
    pub(super) fn is_free(&self, kept: u32, now: Instant) -> bool {
        self.next(kept, now) <= now
    }

    /// Takes the next place; gives its time.
    pub(super) fn take(&mut self, now: Instant) -> Instant {
        let at = self.next(0, now);
        self.settled = self.settled.max(at) + self.rate.interval;
        at
    }

    /// Nothing goes until `until`, and then one after another.
    pub(super) fn hold(&mut self, until: Instant) {
        self.held_until = self.held_until.max(until);
        self.settled = self.settled.max(until + self.ahead(0));
    }

    pub(super) fn is_held(&self, now: Instant) -> bool {
        self.held_until > now
    }

    /// Whether it is as good as new.
    pub(super) fn is_rested(&self, now: Instant) -> bool {
        self.settled <= now && !self.is_held(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE: Rate = Rate { interval: Duration::from_secs(1), burst: 3 };

    fn seconds(from: Instant, instants: impl IntoIterator<Item = Instant>) -> Vec<u64> {
        instants.into_iter().map(|at| (at - from).as_secs()).collect()
    }

    #[tokio::test]
    async fn after_a_burst_one_goes_a_second() {
        let now = Instant::now();
        let mut pace = Pace::new(THREE, now);
        assert_eq!(seconds(now, (0..6).map(|_| pace.take(now))), [0, 0, 0, 1, 2, 3]);
        let later = now + Duration::from_secs(60);
        assert!(pace.is_rested(later));
        assert_eq!(seconds(now, (0..4).map(|_| pace.take(later))), [60, 60, 60, 61]);
    }

    #[tokio::test]
    async fn some_of_a_burst_can_be_left_to_others() {
        let now = Instant::now();
        let mut pace = Pace::new(THREE, now);
        assert!(pace.is_free(2, now));
        pace.take(now);
        assert!(!pace.is_free(2, now) && pace.is_free(1, now));
        pace.take(now);
        assert!(!pace.is_free(1, now) && pace.is_free(0, now));
    }

    #[tokio::test]
    async fn after_a_hold_there_is_no_burst() {
        let now = Instant::now();
        let mut pace = Pace::new(THREE, now);
        pace.hold(now + Duration::from_secs(7));
        assert!(pace.is_held(now + Duration::from_secs(6)) && !pace.is_held(now + Duration::from_secs(7)));
        assert_eq!(seconds(now, (0..3).map(|_| pace.take(now))), [7, 8, 9]);
    }
}
