use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::clock::{Clock, Timestamp};
use crate::error::Result;
use crate::id::{ApiKeyId, TeamId, TurnId};
use crate::usage::{DailyUsage, HourlyUsage, UsageRecord, UsageReport};

/// Which usage is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageFilter {
    /// Only this team's.
    pub team: Option<TeamId>,
    /// Only this key's.
    pub key: Option<ApiKeyId>,
}

/// A page of usage records, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsagePage {
    /// The last turn of the page before.
    pub before: Option<TurnId>,
    /// Most entries.
    pub limit: u32,
}

/// What usage needs from storage, to read. It is written by [`TurnStore::commit`](crate::turn::TurnStore::commit).
#[async_trait]
pub trait UsageStore: Send + Sync {
    /// Single records, newest first.
    async fn usage_records(&self, filter: UsageFilter, page: UsagePage) -> Result<Vec<UsageRecord>>;

    /// Hourly sums from the hour of `from` to that of `to`, in no particular order.
    async fn usage_hours(&self, filter: UsageFilter, from: Timestamp, to: Timestamp) -> Result<Vec<HourlyUsage>>;

    /// The same hours, added up by day and model, in no particular order. A back end that can add up by itself does,
    /// so that a month of a busy team is some hundred rows to read, not ten thousand.
    async fn usage_days(&self, filter: UsageFilter, from: Timestamp, to: Timestamp) -> Result<Vec<DailyUsage>> {
        Ok(DailyUsage::from_hours(&self.usage_hours(filter, from, to).await?))
    }
}

/// Tells what was used.
#[derive(Clone)]
pub struct Usage {
    store: Arc<dyn UsageStore>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Usage").finish_non_exhaustive()
    }
}

impl Usage {
    /// The usage that `store` holds.
    pub fn new(store: Arc<dyn UsageStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Single records, newest first.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store does not answer.
    pub async fn recent(&self, filter: UsageFilter, page: UsagePage) -> Result<Vec<UsageRecord>> {
        // A key has one team for good: to look for another team's records among the key's would read all of them.
        let asked = UsageFilter { team: filter.team.filter(|_| filter.key.is_none()), ..filter };
        let mut records = self.store.usage_records(asked, page).await?;
        records.retain(|record| filter.team.is_none() || record.team_id == filter.team);
        Ok(records)
    }

    /// A report over the past `days` days, from whole hours.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store does not answer.
    pub async fn report(&self, filter: UsageFilter, days: u32) -> Result<UsageReport> {
        let to = self.clock.now();
        let from = HourlyUsage::hour_of(to.minus(Duration::from_secs(u64::from(days) * 86_400)));
        let days = self.store.usage_days(filter, from, to).await?;
        Ok(UsageReport::from_days(from, to, &days))
    }
}
