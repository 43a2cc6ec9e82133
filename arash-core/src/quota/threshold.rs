//! When a team is told that much of a quota, or all of it, is used.

use crate::clock::Timestamp;
use crate::quota::{LeaseRequest, Period, QuotaScope};

/// The parts of a quota, in percent, that are told when they are used.
pub const THRESHOLDS: [u8; 2] = [80, 100];

/// A part of a quota that is used, or about to be: leased to whoever answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaThreshold {
    /// Whose quota.
    pub scope: QuotaScope,
    /// Over which window.
    pub period: Period,
    /// The highest of [`THRESHOLDS`] that is reached.
    pub percent: u8,
    /// The quota.
    pub limit: u64,
    /// What of it is used or leased.
    pub used: u64,
    /// When the oldest use leaves the window.
    pub resets_at: Option<Timestamp>,
}

/// When a threshold was told, and of which quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToldThreshold {
    /// The quota as it was.
    pub limit: u64,
    /// When.
    pub at: Timestamp,
}

impl QuotaThreshold {
    /// The threshold that a quota has reached with `used` of it used or leased after `request`. A quota that lets nothing
    /// through has none.
    pub fn reached(request: &LeaseRequest, used: u64, oldest_bucket: Option<Timestamp>) -> Option<Self> {
        let LeaseRequest { scope, period, limit, .. } = *request;
        let is_reached = |&percent: &u8| limit > 0 && u128::from(used) * 100 >= u128::from(limit) * u128::from(percent);
        let percent = THRESHOLDS.into_iter().rfind(is_reached)?;
        let resets_at = oldest_bucket.map(|bucket| period.frees_at(bucket));
        Some(Self { scope, period, percent, limit, used, resets_at })
    }

    /// The thresholds up to this one: where several are reached at once, the highest is told and the others count as told.
    pub fn covered(&self) -> impl Iterator<Item = u8> + use<> {
        let highest = self.percent;
        THRESHOLDS.into_iter().filter(move |&percent| percent <= highest)
    }

    /// Whether it is to be told at `now`, if it was `told` before: once a window, and anew of a quota that was changed.
    pub fn is_news(&self, told: Option<ToldThreshold>, now: Timestamp) -> bool {
        told.is_none_or(|told| told.limit != self.limit || told.at <= now.minus(self.period.window()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{NodeId, TeamId};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn reached(limit: u64, used: u64) -> Option<u8> {
        threshold(limit, used).map(|threshold| threshold.percent)
    }

    fn threshold(limit: u64, used: u64) -> Option<QuotaThreshold> {
        let (scope, period) = (QuotaScope::Team(TeamId(1)), Period::Daily);
        let request = LeaseRequest { node: NodeId::new(), scope, period, limit, wanted: 1, now: at(0), until: at(60) };
        QuotaThreshold::reached(&request, used, Some(at(0)))
    }

    #[test]
    fn the_highest_threshold_that_is_reached_counts() {
        for (used, expected) in [(399, None), (400, Some(80)), (499, Some(80)), (500, Some(100)), (501, Some(100))] {
            assert_eq!(reached(500, used), expected, "{used}");
        }
        assert_eq!((reached(1, 1), reached(3, 2), reached(0, 0), reached(0, 5)), (Some(100), None, None, None));
        assert_eq!((reached(u64::MAX, u64::MAX), reached(u64::MAX, u64::MAX / 2)), (Some(100), None));
        assert_eq!(threshold(1, 1).unwrap().covered().collect::<Vec<_>>(), [80, 100]);
        assert_eq!(threshold(10, 8).unwrap().covered().collect::<Vec<_>>(), [80]);
        assert_eq!(threshold(10, 8).unwrap().resets_at, Some(Period::Daily.frees_at(at(0))));
    }

    #[test]
    fn a_threshold_is_news_once_a_window_and_for_every_new_quota() {
        let (threshold, day) = (threshold(500, 400).unwrap(), 86_400);
        assert!(threshold.is_news(None, at(day)));
        let told = |limit| Some(ToldThreshold { limit, at: at(0) });
        assert!(!threshold.is_news(told(500), at(day - 1)) && threshold.is_news(told(500), at(day)));
        assert!(threshold.is_news(told(499), at(1)));
    }
}
