//! What was used: one record a turn, hourly sums of them, and reports from the sums.

mod histogram;
mod record;
mod report;
mod store;
mod tokens;

pub use histogram::{LATENCY_BOUNDS_MS, LatencyHistogram};
pub use record::{TurnKind, UsageRecord};
pub use report::{DailyUsage, DayReport, HourlyUsage, ModelReport, UsageReport, UsageTotals};
pub use store::{Usage, UsageFilter, UsagePage, UsageStore};
pub use tokens::TokenUsage;
