use std::fmt;
use std::time::Duration;

use crate::clock::Timestamp;

/// The window a quota is counted over. It rolls: the past 24 hours or 30 days, at any moment.
///
/// Use is counted in buckets of time. A bucket that is only partly in the window counts in full, so
/// a quota is never exceeded, and refuses early by at most the length of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// The past 24 hours, in buckets of 5 minutes.
    Daily,
    /// The past 30 days, in buckets of an hour.
    Monthly,
}

impl Period {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Daily, Self::Monthly];

    /// Its name in JSON and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Monthly => "monthly",
        }
    }

    /// The window's length.
    pub const fn window(self) -> Duration {
        match self {
            Self::Daily => Duration::from_secs(86_400),
            Self::Monthly => Duration::from_secs(30 * 86_400),
        }
    }

    /// A bucket's length.
    pub const fn bucket(self) -> Duration {
        match self {
            Self::Daily => Duration::from_secs(300),
            Self::Monthly => Duration::from_secs(3_600),
        }
    }

    /// The start of the bucket that `at` falls into.
    pub fn bucket_start(self, at: Timestamp) -> Timestamp {
        let length = self.bucket().as_millis() as i64;
        Timestamp::from_millis(at.as_millis().div_euclid(length).saturating_mul(length))
    }

    /// Buckets that start after this still reach into the window that ends at `at`.
    pub fn window_start(self, at: Timestamp) -> Timestamp {
        at.minus(self.window()).minus(self.bucket())
    }

    /// When the bucket that starts at `bucket_start` has left the window.
    pub fn frees_at(self, bucket_start: Timestamp) -> Timestamp {
        bucket_start.plus(self.bucket()).plus(self.window())
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Counting whole buckets is never less than counting every single use in the exact window.
        #[test]
        fn buckets_never_count_less_than_the_exact_window(
            uses in proptest::collection::vec(0_i64..200_000_000, 0..50),
            now in 100_000_000_i64..300_000_000,
        ) {
            for period in Period::ALL {
                let at = Timestamp::from_millis(now);
                let exact = uses.iter().filter(|&&u| u <= now && u > at.minus(period.window()).as_millis()).count();
                let counted = uses.iter().filter(|&&u| {
                    u <= now && period.bucket_start(Timestamp::from_millis(u)) > period.window_start(at)
                }).count();
                prop_assert!(counted >= exact);
            }
        }

        /// A bucket is counted until the moment `frees_at` names, and not from then on.
        #[test]
        fn a_bucket_frees_exactly_when_promised(used in 0_i64..10_000_000_000) {
            for period in Period::ALL {
                let start = period.bucket_start(Timestamp::from_millis(used));
                let frees = period.frees_at(start);
                let before = Timestamp::from_millis(frees.as_millis() - 1);
                prop_assert!(start > period.window_start(before));
                prop_assert!(start <= period.window_start(frees));
            }
        }
    }
}
