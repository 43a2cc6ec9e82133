use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, LimitInfo, Result};

const MINUTE_MICROS: i64 = 60_000_000;

/// Messages a minute, with a burst of as many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    per_minute: NonZeroU32,
}

impl RateLimit {
    /// `per_minute` messages a minute.
    pub const fn per_minute(per_minute: NonZeroU32) -> Self {
        Self { per_minute }
    }

    /// How many messages a minute.
    pub const fn limit(self) -> u32 {
        self.per_minute.get()
    }

    /// The time that one message takes of the budget, in microseconds.
    fn interval(self) -> i64 {
        // Rounded up, so that no minute after the burst admits one too many.
        (MINUTE_MICROS + i64::from(self.limit()) - 1) / i64::from(self.limit())
    }

    /// The time after which one message's part of the budget has come back.
    pub fn refill_time(self) -> Duration {
        Duration::from_micros(self.interval().unsigned_abs())
    }

    /// How far ahead of now the budget may be drawn, in microseconds: a minute's messages at once.
    fn burst(self) -> i64 {
        self.interval() * i64::from(self.limit())
    }
}

/// Who is limited: one user on one platform, within a team where there is one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RateKey(String);

impl RateKey {
    /// The key of `user_id` of `team` (0 where there is none) on `platform`.
    pub fn new(platform: &str, team: i64, user_id: &str) -> Self {
        Self(format!("{platform}_{team}_{user_id}"))
    }

    /// Its text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the limiter says of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateDecision {
    /// Whether the message may pass.
    pub is_allowed: bool,
    /// The limit that was applied.
    pub limit: RateLimit,
    /// How many more may pass right now.
    pub remaining: u32,
    /// Until the next one may pass; zero if one may now.
    pub retry_after: Duration,
}

impl RateDecision {
    /// `Ok` if the message may pass.
    ///
    /// # Errors
    /// [`RateLimited`](ErrorKind::RateLimited) with the limit and the time to wait.
    pub fn into_result(self) -> Result<()> {
        if self.is_allowed {
            return Ok(());
        }
        let (limit, wait) = (self.limit.limit(), self.retry_after);
        let text = format!(
            "the limit of {limit} messages a minute is reached; the next one may pass in {:.1} s",
            wait.as_secs_f64()
        );
        Err(Error::new(ErrorKind::RateLimited, text).with_limit(LimitInfo {
            policy: "per-minute",
            limit: u64::from(limit),
            window: Duration::from_secs(60),
            remaining: u64::from(self.remaining),
            resets_in: wait,
        }))
    }
}

/// What GCRA remembers of one key: the theoretical arrival time, in microseconds since the epoch.
///
/// The generic cell rate algorithm (ITU-T I.371, in its virtual-scheduling form): each message moves the
/// time by one interval, and a message passes if that time is then at most a burst ahead of now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RateState(i64);

impl RateState {
    /// Decides on one message at `now`; a refused one costs nothing.
    pub fn check(&mut self, limit: RateLimit, now: Timestamp) -> RateDecision {
        let now = now.as_millis().saturating_mul(1_000);
        let (interval, burst) = (limit.interval(), limit.burst());
        // A clock that was set back must not lock anyone out for longer than a full burst.
        let arrival = self.0.clamp(now, now.saturating_add(burst));
        let next = arrival.saturating_add(interval);
        let wait = next.saturating_sub(now).saturating_sub(burst).max(0);
        let is_allowed = wait == 0;
        if is_allowed {
            self.0 = next;
        }
        let ahead = if is_allowed { next } else { arrival }.saturating_sub(now);
        let remaining = u32::try_from(burst.saturating_sub(ahead).max(0) / interval).unwrap_or(0);
        let retry_after = Duration::from_micros(u64::try_from(wait).unwrap_or(0));
        RateDecision { is_allowed, limit, remaining, retry_after }
    }

    /// Takes back one message that passed here and was refused elsewhere.
    pub fn give_back(&mut self, limit: RateLimit) {
        self.0 = self.0.saturating_sub(limit.interval());
    }

    /// Whether forgetting this state changes nothing.
    pub fn is_idle(self, now: Timestamp) -> bool {
        self.0 <= now.as_millis().saturating_mul(1_000)
    }
}

/// Where rate states are kept: in memory for one process, in a shared place for many.
#[async_trait]
pub trait RateLimiter: std::fmt::Debug + Send + Sync + 'static {
    /// Decides on one message of `key` at `now`.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when the place cannot be reached and there is no fallback.
    async fn check(&self, key: &RateKey, limit: RateLimit, now: Timestamp) -> Result<RateDecision>;

    /// Takes back one message of `key` that passed here and was refused elsewhere: it does not count.
    ///
    /// # Errors
    /// As [`check`](RateLimiter::check).
    async fn give_back(&self, key: &RateKey, limit: RateLimit) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limit(per_minute: u32) -> RateLimit {
        RateLimit::per_minute(NonZeroU32::new(per_minute).unwrap())
    }

    #[test]
    fn a_burst_of_the_limit_passes_and_no_more() {
        for per_minute in [1, 2, 7, 59, 60, 61, 1_000, 60_000] {
            let (mut state, now) = (RateState::default(), Timestamp::from_millis(1_700_000_000_000));
            let passed = (0..per_minute * 2).filter(|_| state.check(limit(per_minute), now).is_allowed).count();
            assert_eq!(passed, per_minute as usize);
            let refused = state.check(limit(per_minute), now);
            assert_eq!(refused.remaining, 0);
            assert!(refused.into_result().is_err());
        }
    }

    #[test]
    fn waiting_as_told_is_enough() {
        let (mut state, start) = (RateState::default(), Timestamp::from_millis(0));
        while state.check(limit(7), start).is_allowed {}
        let wait = state.check(limit(7), start).retry_after;
        let just_before = start.plus(wait).minus(Duration::from_millis(2));
        assert!(!state.check(limit(7), just_before).is_allowed);
        assert!(state.check(limit(7), start.plus(wait + Duration::from_millis(1))).is_allowed);
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out() {
        let mut state = RateState::default();
        assert!(state.check(limit(10), Timestamp::from_millis(1_000_000_000)).is_allowed);
        let refused = state.check(limit(10), Timestamp::from_millis(0));
        assert!(refused.retry_after <= Duration::from_secs(6));
    }

    proptest! {
        /// From any moment on, a burst and what refills since is the most that passes.
        #[test]
        fn never_more_than_burst_plus_refill(
            per_minute in 1_u32..200,
            steps in proptest::collection::vec(0_u64..5_000, 1..300),
        ) {
            let (mut state, mut at, mut passed) = (RateState::default(), Timestamp::from_millis(0), Vec::new());
            for step in steps {
                at = at.plus(Duration::from_millis(step));
                if state.check(limit(per_minute), at).is_allowed {
                    passed.push(at.as_millis());
                }
            }
            for (first, &from) in passed.iter().enumerate() {
                for (last, &to) in passed.iter().enumerate().skip(first) {
                    let refilled = (to - from) * i64::from(per_minute) / 60_000;
                    prop_assert!(((last - first) as i64) < i64::from(per_minute) + refilled + 1);
                }
            }
        }
    }
}
