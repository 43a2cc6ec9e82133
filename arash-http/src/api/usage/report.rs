use arash_core::money::CURRENCY;
use arash_core::usage::{DayReport, ModelReport, UsageReport, UsageTotals};
use poem_openapi::Object;

use crate::time::Time;
use crate::whole_number::WholeNumber;

/// Most days that a report may be about.
pub(in crate::api) const MOST_DAYS: u32 = 365;

/// The query parameter `days` of a report.
pub(in crate::api) type Days = WholeNumber<1, MOST_DAYS, 30>;

/// How long answers took, in milliseconds, estimated from counts between bounds; above 30 seconds counts as 30 seconds.
#[derive(Debug, Object)]
struct ResponseTimes {
    /// Half of all took at most so long.
    p50: u64,
    /// 95 of 100 took at most so long.
    p95: u64,
}

/// The sum of some usage.
#[derive(Debug, Object)]
#[oai(rename = "UsageTotals")]
struct TotalsView {
    /// Messages, commands too.
    requests: u64,
    /// Those with an answer.
    succeeded: u64,
    /// Those without one.
    failed: u64,
    /// The share of those with an answer, 0 to 1; 1 when there was nothing.
    success_rate: f64,
    /// Tokens that were sent to models.
    prompt_tokens: u64,
    /// Tokens that models wrote.
    completion_tokens: u64,
    /// Both together.
    tokens_used: u64,
    /// What they cost, in millionths of the currency.
    cost_micros: i64,
    /// The currency.
    currency: String,
    /// How long answers took.
    response_time_ms: ResponseTimes,
}

impl From<&UsageTotals> for TotalsView {
    fn from(totals: &UsageTotals) -> Self {
        Self {
            requests: totals.requests,
            succeeded: totals.succeeded,
            failed: totals.failed(),
            success_rate: totals.success_rate(),
            prompt_tokens: totals.tokens.prompt_tokens,
            completion_tokens: totals.tokens.completion_tokens,
            tokens_used: totals.tokens.total(),
            cost_micros: totals.cost.0,
            currency: CURRENCY.to_owned(),
            response_time_ms: ResponseTimes { p50: totals.latency.quantile(0.5), p95: totals.latency.quantile(0.95) },
        }
    }
}

/// A day's usage.
#[derive(Debug, Object)]
#[oai(rename = "DailyUsage")]
struct DayView {
    /// The day in UTC: `2026-11-21`.
    date: String,
    /// The day's sum.
    #[oai(flatten)]
    totals: TotalsView,
}

impl From<DayReport> for DayView {
    fn from(day: DayReport) -> Self {
        Self { totals: (&day.totals).into(), date: day.date }
    }
}

/// The usage of a model.
#[derive(Debug, Object)]
#[oai(rename = "ModelUsage")]
struct ModelView {
    /// The model's id.
    model: String,
    /// The model's sum.
    #[oai(flatten)]
    totals: TotalsView,
}

impl From<ModelReport> for ModelView {
    fn from(model: ModelReport) -> Self {
        Self { totals: (&model.totals).into(), model: model.model.to_string() }
    }
}

/// What was used over some days.
#[derive(Debug, Object)]
#[oai(rename = "UsageReport")]
pub(in crate::api) struct UsageReportView {
    /// The first moment it counts: the start of an hour.
    from: Time,
    /// The last moment it counts.
    to: Time,
    /// All of it.
    totals: TotalsView,
    /// By day, the oldest first; days without use are left out. The first and the last day may not be whole.
    by_day: Vec<DayView>,
    /// By model; commands, which no model answers, are left out.
    by_model: Vec<ModelView>,
}

impl From<UsageReport> for UsageReportView {
    fn from(report: UsageReport) -> Self {
        Self {
            from: report.from.into(),
            to: report.to.into(),
            totals: (&report.totals).into(),
            by_day: report.by_day.into_iter().map(DayView::from).collect(),
            by_model: report.by_model.into_iter().map(ModelView::from).collect(),
        }
    }
}
