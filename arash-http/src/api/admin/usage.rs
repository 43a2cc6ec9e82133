use arash_core::id::{ApiKeyId, TeamId, TurnId};
use arash_core::quota::Allowance;
use arash_core::usage::{UsageFilter, UsagePage, UsageRecord};
use arash_core::{Engine, Error, ErrorKind};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use crate::api::Group;
use crate::api::usage::{Days, MOST_DAYS, QuotaPeriod, QuotaView, UsageReportView, UsageRow};
use crate::auth::Admin;
use crate::choice::Choice;
use crate::cursor::{self, Cursor};
use crate::id::Id;
use crate::page::PageLimit;
use crate::refusal::{Refusal, statuses};

statuses! {
    /// Usage of a team or a key that may not exist.
    UsageRefused = [401, 403, 404, 422, 500, 503];
    /// A list.
    RecordsRefused = [401, 403, 422, 500, 503];
}

/// A page of usage records.
#[derive(Debug, Object)]
struct UsageRecordList {
    /// Newest first.
    items: Vec<UsageRow>,
    /// Leads to the next page; null on the last one.
    #[oai(nullable)]
    next_cursor: Option<String>,
}

/// Tells what teams and keys used.
#[derive(Debug)]
pub(crate) struct AdminUsage {
    engine: Engine,
}

impl AdminUsage {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

#[OpenApi(prefix_path = "/api/v1/admin/usage", tag = "Group::Administration")]
impl AdminUsage {
    /// Report what a team used
    ///
    /// All its keys together, those that were deleted too.
    #[oai(path = "/team/:team_id", method = "get", operation_id = "get_team_usage")]
    async fn of_team(
        &self,
        _admin: Admin,
        /// The team's id.
        team_id: Path<Id>,
        /// How many days until now, 1 to 365.
        #[oai(default)]
        days: Query<Days>,
    ) -> Result<Json<UsageReportView>, Refusal<UsageRefused>> {
        let team = self.engine.teams().get(TeamId::from(*team_id)).await?;
        let filter = UsageFilter { team: Some(team.id), key: None };
        Ok(Json(self.engine.usage().report(filter, days.get()).await?.into()))
    }

    /// Report what an API key used
    ///
    /// The usage of a key that was deleted is told as long as it used something in the past 365 days; else it is 404.
    #[oai(path = "/api-key/:id", method = "get", operation_id = "get_api_key_usage")]
    async fn of_key(
        &self,
        _admin: Admin,
        /// The key's id.
        id: Path<Id>,
        /// How many days until now, 1 to 365.
        #[oai(default)]
        days: Query<Days>,
    ) -> Result<Json<UsageReportView>, Refusal<UsageRefused>> {
        let id = ApiKeyId::from(*id);
        match self.engine.keys().get(id).await {
            Err(error) if error.kind() == ErrorKind::NotFound && self.was_used(id).await? => {}
            found => drop(found?),
        }
        let filter = UsageFilter { team: None, key: Some(id) };
        Ok(Json(self.engine.usage().report(filter, days.get()).await?.into()))
    }

    /// Show how much of an API key's quota is left
    ///
    /// A key with a quota of its own is judged by its own use, any other by its team's.
    #[oai(path = "/quota/:api_key_id", method = "get", operation_id = "get_api_key_quota")]
    async fn quota(
        &self,
        _admin: Admin,
        /// The key's id.
        api_key_id: Path<Id>,
        /// The window.
        #[oai(default)]
        period: Query<Choice<QuotaPeriod>>,
    ) -> Result<Json<QuotaView>, Refusal<UsageRefused>> {
        let id = ApiKeyId::from(*api_key_id);
        let key = self.engine.keys().get(id).await?;
        let standing = self.engine.quotas().standing(&Allowance::of_key(&key), period.0.0.into()).await?;
        Ok(Json(standing.into()))
    }

    /// List what single messages used
    ///
    /// A team or a key that is not there has no records.
    #[oai(path = "/recent", method = "get", operation_id = "list_usage_records")]
    async fn recent(
        &self,
        _admin: Admin,
        /// Only those of this team.
        team_id: Query<Option<Id>>,
        /// Only those of this key.
        api_key_id: Query<Option<Id>>,
        /// Most entries, 1 to 200.
        #[oai(default)]
        limit: Query<PageLimit<100>>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<Cursor<TurnId>>>,
    ) -> Result<Json<UsageRecordList>, Refusal<RecordsRefused>> {
        let filter = UsageFilter { team: team_id.map(TeamId::from), key: api_key_id.map(ApiKeyId::from) };
        let page = UsagePage { before: cursor.map(|Cursor(before)| before), limit: limit.with_one_more() };
        let mut records = self.engine.usage().recent(filter, page).await?;
        let next_cursor = cursor::page(&mut records, limit.entries(), |last: &UsageRecord| last.turn_id);
        Ok(Json(UsageRecordList { items: records.into_iter().map(UsageRow::from).collect(), next_cursor }))
    }
}

impl AdminUsage {
    /// Whether there is usage of the key `id` that a report could be about.
    async fn was_used(&self, id: ApiKeyId) -> Result<bool, Error> {
        let filter = UsageFilter { team: None, key: Some(id) };
        Ok(self.engine.usage().report(filter, MOST_DAYS).await?.totals.requests > 0)
    }
}
