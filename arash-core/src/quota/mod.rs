//! How much a caller may do: messages a minute (GCRA), requests a day and a month (leased blocks).

mod allowance;
mod block;
mod keeper;
mod period;
mod rate;
mod reservation;
mod scope;
mod store;
mod threshold;

pub use allowance::{Allowance, QuotaStanding};
pub use keeper::QuotaKeeper;
pub use period::Period;
pub use rate::{RateDecision, RateKey, RateLimit, RateLimiter, RateState};
pub use reservation::Reservation;
pub use scope::QuotaScope;
pub use store::{BlockPlace, Lease, LeaseRequest, QuotaSpend, QuotaStore, lease_amount};
pub use threshold::{QuotaThreshold, THRESHOLDS, ToldThreshold};
