//! What was used and what may be used: the caller's own.

mod record;
mod report;
mod standing;

use arash_core::Engine;
use arash_core::quota::{Allowance, Period};
use arash_core::usage::UsageFilter;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

pub(super) use record::UsageRow;
pub(super) use report::{Days, MOST_DAYS, UsageReportView};
pub(super) use standing::{QuotaPeriod, QuotaView};

use super::Group;
use crate::auth::{Caller, Lead};
use crate::refusal::{Refusal, statuses};

statuses! {
    /// A report over some days.
    ReportRefused = [401, 403, 422, 500, 503];
    /// What needs nothing but a key.
    QuotaRefused = [401, 403, 500, 503];
}

/// How a key stands in each period.
#[derive(Debug, Object)]
struct QuotaStandings {
    /// The past 24 hours.
    daily: QuotaView,
    /// The past 30 days.
    monthly: QuotaView,
}

/// The caller's own usage.
#[derive(Debug)]
pub(super) struct OwnUsage {
    engine: Engine,
}

impl OwnUsage {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

#[OpenApi(prefix_path = "/api/v1", tag = "Group::Usage")]
impl OwnUsage {
    /// Report what the key used
    #[oai(path = "/usage", method = "get", operation_id = "get_usage")]
    async fn of_key(
        &self,
        caller: Caller,
        /// How many days until now, 1 to 365.
        #[oai(default)]
        days: Query<Days>,
    ) -> Result<Json<UsageReportView>, Refusal<ReportRefused>> {
        let filter = UsageFilter { team: None, key: Some(caller.0.key_id()) };
        Ok(Json(self.engine.usage().report(filter, days.get()).await?.into()))
    }

    /// Report what the key's team used
    ///
    /// All its keys together, those that were deleted too. Needs a key of level `team_lead` or `admin`.
    #[oai(path = "/team/usage", method = "get", operation_id = "get_own_team_usage")]
    async fn of_team(
        &self,
        lead: Lead,
        /// How many days until now, 1 to 365.
        #[oai(default)]
        days: Query<Days>,
    ) -> Result<Json<UsageReportView>, Refusal<ReportRefused>> {
        let filter = UsageFilter { team: Some(lead.0.team_id()), key: None };
        Ok(Json(self.engine.usage().report(filter, days.get()).await?.into()))
    }

    /// Show how much of the quotas is left
    ///
    /// A key with a quota of its own is judged by its own use, any other by its team's.
    #[oai(path = "/quota", method = "get", operation_id = "get_quota")]
    async fn quota(&self, caller: Caller) -> Result<Json<QuotaStandings>, Refusal<QuotaRefused>> {
        let allowance = Allowance::of(&caller.0);
        let quotas = self.engine.quotas();
        Ok(Json(QuotaStandings {
            daily: quotas.standing(&allowance, Period::Daily).await?.into(),
            monthly: quotas.standing(&allowance, Period::Monthly).await?.into(),
        }))
    }
}
