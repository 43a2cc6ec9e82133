use std::time::Duration;

/// Upper bounds of the histogram's buckets, in milliseconds; what is above the last falls into one more.
pub const LATENCY_BOUNDS_MS: [u64; 13] = [1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];

/// How many buckets there are.
const BUCKETS: usize = LATENCY_BOUNDS_MS.len() + 1;

/// Response times, counted in buckets, so that hours can be added up and still give percentiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LatencyHistogram {
    counts: [u64; BUCKETS],
}

impl LatencyHistogram {
    /// Adds one response time.
    pub fn record(&mut self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let bucket = LATENCY_BOUNDS_MS.partition_point(|&bound| bound < millis);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count = count.saturating_add(more);
        }
    }

    /// The time, in milliseconds, that the share `quantile` (0 to 1) of all stayed at or below, interpolated
    /// within its bucket; 0 when there is none. What is above the last bound counts as that bound.
    pub fn quantile(&self, quantile: f64) -> u64 {
        let total: u64 = self.counts.iter().sum();
        if total == 0 {
            return 0;
        }
        let rank = quantile.clamp(0.0, 1.0) * total as f64;
        let (mut below, mut lower) = (0_u64, 0_u64);
        for (&count, &upper) in self.counts.iter().zip(&LATENCY_BOUNDS_MS) {
            if count > 0 && (below + count) as f64 >= rank {
                let share = ((rank - below as f64) / count as f64).clamp(0.0, 1.0);
                return lower + ((upper - lower) as f64 * share).round() as u64;
            }
            below += count;
            lower = upper;
        }
        lower
    }

    /// The count of each bucket.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// A histogram with these counts; what is missing counts as 0.
    pub fn from_counts(given: impl IntoIterator<Item = u64>) -> Self {
        let mut histogram = Self::default();
        for (count, given) in histogram.counts.iter_mut().zip(given) {
            *count = given;
        }
        histogram
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_recorded_is_zero() {
        assert_eq!(LatencyHistogram::default().quantile(0.95), 0);
    }

    proptest! {
        #[test]
        fn a_quantile_lies_in_the_bucket_of_the_exact_one(
            mut times in proptest::collection::vec(0_u64..40_000, 1..200),
            quantile in 0.01_f64..1.0,
        ) {
            let mut histogram = LatencyHistogram::default();
            for &time in &times {
                histogram.record(Duration::from_millis(time));
            }
            times.sort_unstable();
            let rank = ((quantile * times.len() as f64).ceil() as usize).clamp(1, times.len());
            let exact = times[rank - 1];
            let bucket = LATENCY_BOUNDS_MS.partition_point(|&bound| bound < exact);
            let lower = if bucket == 0 { 0 } else { LATENCY_BOUNDS_MS[bucket - 1] };
            let upper = LATENCY_BOUNDS_MS.get(bucket).copied().unwrap_or(30_000);
            let told = histogram.quantile(quantile);
            prop_assert!((lower..=upper).contains(&told), "{told} not in {lower}..={upper}");
        }
    }
}
