//! Money in integer micro-units: a millionth of the currency's unit, so that sums are exact.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;

use serde::{Deserialize, Serialize};

/// The currency that prices are given in.
pub const CURRENCY: &str = "USD";

/// An amount of money in micro-units: `1_500_000` is 1.50 of the currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub i64);

impl Micros {
    /// The next whole amount above this many millionths.
    pub(crate) fn rounded_up(millionths: u128) -> Self {
        Self(i64::try_from(millionths.div_ceil(1_000_000)).unwrap_or(i64::MAX))
    }
}

impl Add for Micros {
    type Output = Self;

    /// Saturates, so that no sum can turn a debt into a credit.
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Micros {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let amount = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:06} {CURRENCY}", amount / 1_000_000, amount % 1_000_000)
    }
}

/// What a model's tokens cost, in micro-units per million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Micro-units per million tokens that are sent.
    pub prompt_micros_per_million: u64,
    /// Micro-units per million tokens that are received.
    pub completion_micros_per_million: u64,
}

impl Price {
    /// The price of a model that costs nothing.
    pub const FREE: Self = Self { prompt_micros_per_million: 0, completion_micros_per_million: 0 };

    /// The cost of one turn, rounded up once to the next micro-unit.
    pub fn cost(self, prompt_tokens: u64, completion_tokens: u64) -> Micros {
        Micros::rounded_up(self.exact_cost(prompt_tokens, completion_tokens))
    }

    /// The same in millionths of a micro-unit, for sums that are to be [rounded up](Micros::rounded_up) once.
    pub(crate) fn exact_cost(self, prompt_tokens: u64, completion_tokens: u64) -> u128 {
        let prompt = u128::from(prompt_tokens) * u128::from(self.prompt_micros_per_million);
        let completion = u128::from(completion_tokens) * u128::from(self.completion_micros_per_million);
        prompt.saturating_add(completion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cost_is_rounded_up_once() {
        let price = Price { prompt_micros_per_million: 1_250_000, completion_micros_per_million: 10_000_000 };
        assert_eq!(price.cost(0, 0), Micros(0));
        assert_eq!(price.cost(1, 0), Micros(2));
        assert_eq!(price.cost(210, 12), Micros(383)); // 262.5 + 120, not 263 + 120 + 1
    }

    #[test]
    fn a_cost_beyond_all_money_saturates() {
        let price = Price { prompt_micros_per_million: u64::MAX, completion_micros_per_million: u64::MAX };
        assert_eq!(price.cost(u64::MAX, u64::MAX), Micros(i64::MAX));
        assert_eq!(Micros(i64::MAX) + Micros(1), Micros(i64::MAX));
    }

    #[test]
    fn amounts_read_as_money() {
        assert_eq!(Micros(1_500_000).to_string(), "1.500000 USD");
        assert_eq!(Micros(-431).to_string(), "-0.000431 USD");
    }
}
