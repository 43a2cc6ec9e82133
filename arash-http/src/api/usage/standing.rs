use arash_core::quota::{Period, QuotaStanding};
use poem_openapi::{Enum, Object};

use crate::time::Time;

/// The window that a quota is counted over.
#[derive(Clone, Copy, Debug, Default, Enum)]
#[oai(rename_all = "snake_case")]
pub(in crate::api) enum QuotaPeriod {
    /// The past 24 hours.
    #[default]
    Daily,
    /// The past 30 days.
    Monthly,
}

impl From<QuotaPeriod> for Period {
    fn from(period: QuotaPeriod) -> Self {
        match period {
            QuotaPeriod::Daily => Self::Daily,
            QuotaPeriod::Monthly => Self::Monthly,
        }
    }
}

impl From<Period> for QuotaPeriod {
    fn from(period: Period) -> Self {
        match period {
            Period::Daily => Self::Daily,
            Period::Monthly => Self::Monthly,
        }
    }
}

/// How a key stands in a period.
#[derive(Debug, Object)]
#[oai(rename = "QuotaStanding")]
pub(in crate::api) struct QuotaView {
    /// The window, which rolls: the past 24 hours or 30 days at any moment.
    period: QuotaPeriod,
    /// Requests that the window admits: the key's own quota, else its team's; null is unlimited.
    #[oai(nullable)]
    quota: Option<u64>,
    /// Requests in the window: the key's own where the quota is its own, else its team's.
    used: u64,
    /// Requests that are left; null is unlimited.
    #[oai(nullable)]
    remaining: Option<u64>,
    /// Whether none is left.
    exceeded: bool,
    /// When the oldest of them leave the window, so that more frees up; null where nothing would.
    #[oai(nullable)]
    resets_at: Option<Time>,
}

impl From<QuotaStanding> for QuotaView {
    fn from(standing: QuotaStanding) -> Self {
        Self {
            period: standing.period.into(),
            quota: standing.quota,
            used: standing.used,
            remaining: standing.remaining(),
            exceeded: standing.is_exceeded(),
            resets_at: standing.resets_at.map(Time::from),
        }
    }
}
