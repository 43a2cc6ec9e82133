use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::id::{ApiKeyId, TeamId};
use crate::money::Micros;
use crate::platform::ModelId;
use crate::usage::{LatencyHistogram, TokenUsage, UsageRecord};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The sum of some usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageTotals {
    /// Turns.
    pub requests: u64,
    /// Turns with an answer.
    pub succeeded: u64,
    /// Their tokens.
    pub tokens: TokenUsage,
    /// Their cost.
    pub cost: Micros,
    /// Their response times.
    pub latency: LatencyHistogram,
}

impl UsageTotals {
    /// Adds one turn.
    pub fn add(&mut self, record: &UsageRecord) {
        self.requests += 1;
        self.succeeded += u64::from(record.success);
        self.tokens = self.tokens + record.tokens;
        self.cost = self.cost + record.cost;
        self.latency.record(record.response_time);
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.succeeded += other.succeeded;
        self.tokens = self.tokens + other.tokens;
        self.cost = self.cost + other.cost;
        self.latency.merge(&other.latency);
    }

    /// Turns without an answer.
    pub fn failed(&self) -> u64 {
        self.requests.saturating_sub(self.succeeded)
    }

    /// The share of turns with an answer, 0 to 1; 1 when there was no turn.
    pub fn success_rate(&self) -> f64 {
        if self.requests == 0 { 1.0 } else { self.succeeded as f64 / self.requests as f64 }
    }
}

/// The sum of an hour's usage by one key on one platform with one model: what reports are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HourlyUsage {
    /// The key's team, if there was a key.
    pub team_id: Option<TeamId>,
    /// The key.
    pub api_key_id: Option<ApiKeyId>,
    /// The platform.
    pub platform: String,
    /// The model; `None` for commands.
    pub model_used: Option<ModelId>,
    /// The start of the hour.
    pub hour: Timestamp,
    /// The sum.
    pub totals: UsageTotals,
}

impl HourlyUsage {
    /// The hour that `at` falls into.
    pub fn hour_of(at: Timestamp) -> Timestamp {
        Timestamp::from_millis(at.as_millis().div_euclid(HOUR_MS) * HOUR_MS)
    }
}

/// The sum of a day's usage with one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DailyUsage {
    /// The start of the day, in UTC.
    pub day: Timestamp,
    /// The model; `None` for commands.
    pub model_used: Option<ModelId>,
    /// The sum.
    pub totals: UsageTotals,
}

impl DailyUsage {
    /// Adds up hours by day and model.
    pub fn from_hours(hours: &[HourlyUsage]) -> Vec<Self> {
        let mut days: BTreeMap<(i64, Option<&ModelId>), UsageTotals> = BTreeMap::new();
        for hour in hours {
            let day = hour.hour.as_millis().div_euclid(DAY_MS);
            days.entry((day, hour.model_used.as_ref())).or_default().merge(&hour.totals);
        }
        let daily = |((day, model), totals): ((i64, Option<&ModelId>), _)| Self {
            day: Timestamp::from_millis(day * DAY_MS),
            model_used: model.cloned(),
            totals,
        };
        days.into_iter().map(daily).collect()
    }
}

/// A day of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayReport {
    /// The day, in UTC: `2025-11-01`.
    pub date: String,
    /// Its sum.
    pub totals: UsageTotals,
}

/// A model of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelReport {
    /// The model.
    pub model: ModelId,
    /// Its sum.
    pub totals: UsageTotals,
}

/// What was used over some days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageReport {
    /// The first moment it counts.
    pub from: Timestamp,
    /// The last moment it counts.
    pub to: Timestamp,
    /// All of it.
    pub totals: UsageTotals,
    /// By day, oldest first; days without use are left out.
    pub by_day: Vec<DayReport>,
    /// By model; commands, which no model answers, are left out.
    pub by_model: Vec<ModelReport>,
}

impl UsageReport {
    /// Adds up the days of a report.
    pub fn from_days(from: Timestamp, to: Timestamp, daily: &[DailyUsage]) -> Self {
        let mut totals = UsageTotals::default();
        let mut days: BTreeMap<i64, UsageTotals> = BTreeMap::new();
        let mut models: BTreeMap<ModelId, UsageTotals> = BTreeMap::new();
        for day in daily {
            totals.merge(&day.totals);
            days.entry(day.day.as_millis().div_euclid(DAY_MS)).or_default().merge(&day.totals);
            if let Some(model) = &day.model_used {
                models.entry(model.clone()).or_default().merge(&day.totals);
            }
        }
        let date = |day: i64| Timestamp::from_millis(day * DAY_MS).to_rfc3339().chars().take(10).collect();
        Self {
            from,
            to,
            totals,
            by_day: days.into_iter().map(|(day, totals)| DayReport { date: date(day), totals }).collect(),
            by_model: models.into_iter().map(|(model, totals)| ModelReport { model, totals }).collect(),
        }
    }
}
