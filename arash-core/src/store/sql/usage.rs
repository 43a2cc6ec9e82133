use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{ApiKeyId, TeamId, TurnId};
use crate::money::Micros;
use crate::platform::ModelId;
use crate::store::sql::SqlStore;
use crate::store::sql::text::{Sql, statements};
use crate::store::sql::value::{Row, Value};
use crate::usage::{
    DailyUsage, HourlyUsage, LatencyHistogram, TokenUsage, TurnKind, UsageFilter, UsagePage, UsageRecord, UsageStore,
    UsageTotals,
};

/// The columns of `usage_hourly` that hold the latency histogram, in order of its buckets.
pub(super) const LATENCY_COLUMNS: [&str; 14] = [
    "latency_1",
    "latency_5",
    "latency_10",
    "latency_25",
    "latency_50",
    "latency_100",
    "latency_250",
    "latency_500",
    "latency_1000",
    "latency_2500",
    "latency_5000",
    "latency_10000",
    "latency_30000",
    "latency_above",
];

macro_rules! usage_columns {
    () => {
        "turn_id, api_key_id, team_id, session_key, platform, model_used, kind, prompt_tokens, completion_tokens,
         cost_micros, estimated, success, response_time_ms, error_message, created_at"
    };
}

macro_rules! hour_columns {
    () => {
        "team_id, hour, api_key_id, platform, model_used, requests, succeeded, prompt_tokens, completion_tokens,
         estimated, cost_micros, latency_1, latency_5, latency_10, latency_25, latency_50, latency_100, latency_250,
         latency_500, latency_1000, latency_2500, latency_5000, latency_10000, latency_30000, latency_above"
    };
}

// Sums of whole numbers are of a wider type on PostgreSQL.
macro_rules! day_sums {
    () => {
        "hour - hour % 86400000 AS day, model_used, MAX(CASE WHEN estimated THEN 1 ELSE 0 END) = 1 AS estimated,
         CAST(SUM(requests) AS BIGINT) AS requests, CAST(SUM(succeeded) AS BIGINT) AS succeeded,
         CAST(SUM(prompt_tokens) AS BIGINT) AS prompt_tokens, CAST(SUM(completion_tokens) AS BIGINT) AS completion_tokens,
         CAST(SUM(cost_micros) AS BIGINT) AS cost_micros, CAST(SUM(latency_1) AS BIGINT) AS latency_1,
         CAST(SUM(latency_5) AS BIGINT) AS latency_5, CAST(SUM(latency_10) AS BIGINT) AS latency_10,
         CAST(SUM(latency_25) AS BIGINT) AS latency_25, CAST(SUM(latency_50) AS BIGINT) AS latency_50,
         CAST(SUM(latency_100) AS BIGINT) AS latency_100, CAST(SUM(latency_250) AS BIGINT) AS latency_250,
         CAST(SUM(latency_500) AS BIGINT) AS latency_500, CAST(SUM(latency_1000) AS BIGINT) AS latency_1000,
         CAST(SUM(latency_2500) AS BIGINT) AS latency_2500, CAST(SUM(latency_5000) AS BIGINT) AS latency_5000,
         CAST(SUM(latency_10000) AS BIGINT) AS latency_10000, CAST(SUM(latency_30000) AS BIGINT) AS latency_30000,
         CAST(SUM(latency_above) AS BIGINT) AS latency_above"
    };
}

statements! {
    SELECT_RECORDS = both(concat!("SELECT ", usage_columns!(), " FROM usage_logs WHERE turn_id < $1
        ORDER BY turn_id DESC LIMIT $2"));
    SELECT_RECORDS_OF_TEAM = both(concat!("SELECT ", usage_columns!(), " FROM usage_logs WHERE turn_id < $1 AND team_id = $3
        ORDER BY turn_id DESC LIMIT $2"));
    SELECT_RECORDS_OF_KEY = both(concat!("SELECT ", usage_columns!(), " FROM usage_logs WHERE turn_id < $1
        AND api_key_id = $3 ORDER BY turn_id DESC LIMIT $2"));
    SELECT_RECORDS_OF_BOTH = both(concat!("SELECT ", usage_columns!(), " FROM usage_logs WHERE turn_id < $1
        AND api_key_id = $3 AND team_id = $4 ORDER BY turn_id DESC LIMIT $2"));
    SELECT_HOURS = both(concat!("SELECT ", hour_columns!(), " FROM usage_hourly WHERE hour BETWEEN $1 AND $2"));
    SELECT_HOURS_OF_TEAM = both(concat!("SELECT ", hour_columns!(), " FROM usage_hourly WHERE hour BETWEEN $1 AND $2
        AND team_id = $3"));
    SELECT_HOURS_OF_KEY = both(concat!("SELECT ", hour_columns!(), " FROM usage_hourly WHERE hour BETWEEN $1 AND $2
        AND api_key_id = $3"));
    SELECT_HOURS_OF_BOTH = both(concat!("SELECT ", hour_columns!(), " FROM usage_hourly WHERE hour BETWEEN $1 AND $2
        AND api_key_id = $3 AND team_id = $4"));
    SELECT_DAYS = both(concat!("SELECT ", day_sums!(), " FROM usage_hourly WHERE hour BETWEEN $1 AND $2
        GROUP BY 1, 2"));
    SELECT_DAYS_OF_TEAM = both(concat!("SELECT ", day_sums!(), " FROM usage_hourly WHERE hour BETWEEN $1 AND $2
        AND team_id = $3 GROUP BY 1, 2"));
    SELECT_DAYS_OF_KEY = both(concat!("SELECT ", day_sums!(), " FROM usage_hourly WHERE hour BETWEEN $1 AND $2
        AND api_key_id = $3 GROUP BY 1, 2"));
    SELECT_DAYS_OF_BOTH = both(concat!("SELECT ", day_sums!(), " FROM usage_hourly WHERE hour BETWEEN $1 AND $2
        AND api_key_id = $3 AND team_id = $4 GROUP BY 1, 2"));
}

/// Which of four statements a filter needs: of all, of a team, of a key, of both.
fn filtered(filter: UsageFilter, statements: [Sql; 4], mut values: Vec<Value>) -> (Sql, Vec<Value>) {
    let [all, of_team, of_key, of_both] = statements;
    let sql = match (filter.team, filter.key) {
        (None, None) => all,
        (Some(_), None) => of_team,
        (None, Some(_)) => of_key,
        (Some(_), Some(_)) => of_both,
    };
    values.extend(filter.key.map(|key| wanted(key.0)));
    values.extend(filter.team.map(|team| wanted(team.0)));
    (sql, values)
}

/// An id to look for. In sums, 0 stands for no team and no key: that is nobody's id, and nothing is equal to null.
fn wanted(id: i64) -> Value {
    Some(id).filter(|&id| id != 0).into()
}

#[async_trait]
impl UsageStore for SqlStore {
    async fn usage_records(&self, filter: UsageFilter, page: UsagePage) -> Result<Vec<UsageRecord>> {
        let before = page.before.unwrap_or_else(|| TurnId::from_uuid(Uuid::max()));
        let statements = [SELECT_RECORDS, SELECT_RECORDS_OF_TEAM, SELECT_RECORDS_OF_KEY, SELECT_RECORDS_OF_BOTH];
        let (sql, values) = filtered(filter, statements, vec![before.as_uuid().into(), page.limit.into()]);
        self.db.fetch_all(sql, &values).await?.iter().map(read_record).collect()
    }

    async fn usage_hours(&self, filter: UsageFilter, from: Timestamp, to: Timestamp) -> Result<Vec<HourlyUsage>> {
        let statements = [SELECT_HOURS, SELECT_HOURS_OF_TEAM, SELECT_HOURS_OF_KEY, SELECT_HOURS_OF_BOTH];
        let hours = vec![HourlyUsage::hour_of(from).into(), HourlyUsage::hour_of(to).into()];
        let (sql, values) = filtered(filter, statements, hours);
        self.db.fetch_all(sql, &values).await?.iter().map(read_hour).collect()
    }

    async fn usage_days(&self, filter: UsageFilter, from: Timestamp, to: Timestamp) -> Result<Vec<DailyUsage>> {
        let statements = [SELECT_DAYS, SELECT_DAYS_OF_TEAM, SELECT_DAYS_OF_KEY, SELECT_DAYS_OF_BOTH];
        let hours = vec![HourlyUsage::hour_of(from).into(), HourlyUsage::hour_of(to).into()];
        let (sql, values) = filtered(filter, statements, hours);
        self.db.fetch_all(sql, &values).await?.iter().map(read_day).collect()
    }
}

fn read_record(row: &Row) -> Result<UsageRecord> {
    Ok(UsageRecord {
        turn_id: TurnId::from_uuid(row.uuid("turn_id")?),
        api_key_id: row.optional_int("api_key_id")?.map(ApiKeyId),
        team_id: row.optional_int("team_id")?.map(TeamId),
        session_key: row.optional_text("session_key")?,
        platform: row.text("platform")?,
        model_used: row.optional_text("model_used")?.map(ModelId::new),
        kind: row.word("kind", TurnKind::from_name)?,
        tokens: read_tokens(row)?,
        cost: Micros(row.int("cost_micros")?),
        success: row.flag("success")?,
        response_time: Duration::from_millis(row.count("response_time_ms")?),
        error: row.optional_text("error_message")?,
        created_at: row.time("created_at")?,
    })
}

fn read_tokens(row: &Row) -> Result<TokenUsage> {
    Ok(TokenUsage {
        prompt_tokens: row.count("prompt_tokens")?,
        completion_tokens: row.count("completion_tokens")?,
        estimated: row.flag("estimated")?,
    })
}

fn read_hour(row: &Row) -> Result<HourlyUsage> {
    Ok(HourlyUsage {
        team_id: Some(row.int("team_id")?).filter(|&id| id != 0).map(TeamId),
        api_key_id: Some(row.int("api_key_id")?).filter(|&id| id != 0).map(ApiKeyId),
        platform: row.text("platform")?,
        model_used: read_summed_model(row)?,
        hour: row.time("hour")?,
        totals: read_totals(row)?,
    })
}

fn read_day(row: &Row) -> Result<DailyUsage> {
    Ok(DailyUsage { day: row.time("day")?, model_used: read_summed_model(row)?, totals: read_totals(row)? })
}

/// The model of a sum: no model is an empty text.
fn read_summed_model(row: &Row) -> Result<Option<ModelId>> {
    let model = row.text("model_used")?;
    Ok((!model.is_empty()).then(|| ModelId::new(model)))
}

fn read_totals(row: &Row) -> Result<UsageTotals> {
    let latency = LATENCY_COLUMNS.iter().map(|column| row.count(column)).collect::<Result<Vec<_>>>()?;
    Ok(UsageTotals {
        requests: row.count("requests")?,
        succeeded: row.count("succeeded")?,
        tokens: read_tokens(row)?,
        cost: Micros(row.int("cost_micros")?),
        latency: LatencyHistogram::from_counts(latency),
    })
}
