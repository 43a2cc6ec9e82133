//! How much a caller may do: messages a minute (GCRA), requests a day and a month (leased blocks).

mod keeper;
mod period;
mod rate;
mod scope;
mod store;

pub use keeper::{Allowance, QuotaKeeper, QuotaStanding, Reservation};
pub use period::Period;
pub use rate::{RateDecision, RateKey, RateLimit, RateLimiter, RateState};
pub use scope::QuotaScope;
pub use store::{Lease, LeaseRequest, QuotaSpend, QuotaStore, lease_amount};
