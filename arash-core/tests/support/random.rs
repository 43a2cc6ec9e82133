//! Chance that can be had again.

use arash_core::id::NodeId;

/// Marsaglia's xorshift: numbers that look random and can be had again. It holds its state, which is never 0.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A new seed each time, or the one in the environment variable of this name; it is printed.
    pub(crate) fn seeded(variable: &str) -> Self {
        let given = std::env::var(variable).ok().map(|seed| seed.parse().unwrap());
        let seed = given.unwrap_or_else(|| NodeId::new().as_uuid().as_u64_pair().1);
        eprintln!("{variable}={seed}");
        Self(seed.max(1))
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}
