use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::quota::{RateDecision, RateKey, RateLimit, RateLimiter, RateState};

/// As many locks, so that callers seldom wait for one another.
const SHARDS: usize = 64;
/// Most keys that are remembered at once, in all shards together.
const MAX_KEYS: usize = 1_000_000;
const MAX_SHARD_KEYS: usize = MAX_KEYS / SHARDS;
/// What a full shard is cut down to, so that not every new key has to make room.
const ROOMY_SHARD_KEYS: usize = MAX_SHARD_KEYS - MAX_SHARD_KEYS / 8;
/// A shard is not swept before it has as many keys.
const MIN_SWEEP_KEYS: usize = 64;

/// Keeps rate states in memory, for one process.
///
/// A state whose budget is full again is forgotten as others come, which changes no decision. Beyond about
/// 1,000,000 keys, those go that have drawn least on their budget; such a key gets its full burst again.
pub struct MemoryRateLimiter {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
}

#[derive(Default)]
struct Shard {
    states: HashMap<RateKey, RateState>,
    /// The number of keys at which the idle ones are looked for.
    sweep_at: usize,
}

impl MemoryRateLimiter {
    /// A limiter that has seen nobody yet.
    pub fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), hasher: RandomState::new() }
    }

    fn shard(&self, key: &RateKey) -> MutexGuard<'_, Shard> {
        let place = self.hasher.hash_one(key) as usize % SHARDS;
        #[expect(clippy::indexing_slicing, reason = "a number modulo the count of shards is one of them")]
        self.shards[place].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many keys are remembered.
    pub fn remembered_keys(&self) -> usize {
        let count = |shard: &Mutex<Shard>| shard.lock().unwrap_or_else(PoisonError::into_inner).states.len();
        self.shards.iter().map(count).sum()
    }
}

impl Default for MemoryRateLimiter {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryRateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryRateLimiter").finish_non_exhaustive()
    }
}

impl Shard {
    fn check(&mut self, key: &RateKey, limit: RateLimit, now: Timestamp) -> RateDecision {
        if let Some(state) = self.states.get_mut(key) {
            return state.check(limit, now);
        }
        if self.states.len() >= self.sweep_at.clamp(MIN_SWEEP_KEYS, MAX_SHARD_KEYS) {
            self.make_room(now);
        }
        let mut state = RateState::default();
        let decision = state.check(limit, now);
        self.states.insert(key.clone(), state);
        decision
    }

    fn make_room(&mut self, now: Timestamp) {
        self.states.retain(|_, state| !state.is_idle(now));
        if self.states.len() >= MAX_SHARD_KEYS {
            self.forget_nearest_to_idle(self.states.len() - ROOMY_SHARD_KEYS);
        }
        self.sweep_at = self.states.len() * 2;
        self.states.shrink_to(self.sweep_at);
    }

    /// Forgets `surplus` states, those that will be idle first.
    fn forget_nearest_to_idle(&mut self, surplus: usize) {
        let mut states: Vec<RateState> = self.states.values().copied().collect();
        let (below, &mut limit, _) = states.select_nth_unstable(surplus);
        // Of those that are just at the limit, as many go as it takes.
        let mut at_limit = surplus - below.iter().filter(|&&state| state < limit).count();
        self.states.retain(|_, &mut state| {
            let goes = state < limit || (state == limit && at_limit > 0);
            at_limit -= usize::from(goes && state == limit);
            !goes
        });
    }
}

#[async_trait]
impl RateLimiter for MemoryRateLimiter {
    async fn check(&self, key: &RateKey, limit: RateLimit, now: Timestamp) -> Result<RateDecision> {
        Ok(self.shard(key).check(key, limit, now))
    }

    async fn give_back(&self, key: &RateKey, limit: RateLimit) -> Result<()> {
        if let Some(state) = self.shard(key).states.get_mut(key) {
            state.give_back(limit);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_millis(1_762_000_000_000);

    fn limit(per_minute: u32) -> RateLimit {
        RateLimit::per_minute(NonZeroU32::new(per_minute).unwrap())
    }

    fn key(number: usize) -> RateKey {
        RateKey::new("internal", 1, &number.to_string())
    }

    #[tokio::test]
    async fn keys_are_limited_apart() {
        let limiter = MemoryRateLimiter::new();
        for number in 0..100 {
            for _ in 0..3 {
                assert!(limiter.check(&key(number), limit(3), NOW).await.unwrap().is_allowed);
            }
            let refused = limiter.check(&key(number), limit(3), NOW).await.unwrap();
            assert!(!refused.is_allowed && refused.retry_after > Duration::ZERO);
        }
        assert_eq!(limiter.remembered_keys(), 100);
    }

    #[tokio::test]
    async fn what_is_given_back_may_be_used_again() {
        let limiter = MemoryRateLimiter::new();
        for _ in 0..10 {
            assert!(limiter.check(&key(1), limit(2), NOW).await.unwrap().is_allowed);
            limiter.give_back(&key(1), limit(2)).await.unwrap();
        }
        let mut allowed = 0;
        for _ in 0..3 {
            allowed += u32::from(limiter.check(&key(1), limit(2), NOW).await.unwrap().is_allowed);
        }
        assert_eq!(allowed, 2);
    }

    #[tokio::test]
    async fn keys_whose_budget_is_full_again_are_forgotten() {
        let limiter = MemoryRateLimiter::new();
        for number in 0..200_000 {
            // One new key a millisecond, each idle a second later: about 1,000 are not idle at any time.
            let now = NOW.plus(Duration::from_millis(number));
            limiter.check(&key(number as usize), limit(60), now).await.unwrap();
        }
        assert!(limiter.remembered_keys() <= SHARDS * MIN_SWEEP_KEYS, "{}", limiter.remembered_keys());
    }

    #[test]
    fn a_sweep_forgets_no_budget_that_is_drawn_on() {
        let mut shard = Shard::default();
        for number in 0..MIN_SWEEP_KEYS * 4 {
            shard.check(&key(number), limit(1), NOW);
        }
        let later = NOW.plus(Duration::from_secs(59));
        assert!((0..MIN_SWEEP_KEYS * 4).all(|number| !shard.check(&key(number), limit(1), later).is_allowed));
        shard.make_room(NOW.plus(Duration::from_mins(1)));
        assert!(shard.states.is_empty());
    }

    #[test]
    fn a_full_shard_forgets_those_that_drew_least() {
        let mut shard = Shard::default();
        let drew_much = MAX_SHARD_KEYS / 2;
        for number in 0..MAX_SHARD_KEYS {
            let messages = if number < drew_much { 10 } else { 1 };
            for _ in 0..messages {
                shard.check(&key(number), limit(10), NOW);
            }
        }
        assert_eq!(shard.states.len(), MAX_SHARD_KEYS);
        shard.check(&key(MAX_SHARD_KEYS), limit(10), NOW);
        assert_eq!(shard.states.len(), ROOMY_SHARD_KEYS + 1);
        assert!((0..drew_much).all(|number| shard.states.contains_key(&key(number))));
    }

    #[test]
    fn a_shard_never_outgrows_its_share() {
        let mut shard = Shard::default();
        for number in 0..MAX_SHARD_KEYS * 3 {
            shard.check(&key(number), limit(1), NOW);
            assert!(shard.states.len() <= MAX_SHARD_KEYS);
        }
    }
}
