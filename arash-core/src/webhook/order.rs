//! Which events are sent one after the other: those of a team that have the same order key. Those of a session have the
//! session's key; completions and tests have none.

use crate::id::ApiKeyId;
use crate::quota::{Period, QuotaScope};

/// The order key of what is told of an API key.
pub fn order_of_key(id: ApiKeyId) -> String {
    format!("key:{id}")
}

/// The order key of what is told of a quota.
pub fn order_of_quota(scope: QuotaScope, period: Period) -> String {
    format!("quota:{scope}:{}", period.as_str())
}
