//! Teams are told how much of their quotas is used, in the transaction that leases it.

use crate::clock::Timestamp;
use crate::error::Result;
use crate::event::EventKind;
use crate::id::TeamId;
use crate::quota::{LeaseRequest, Period, QuotaScope, QuotaThreshold, ToldThreshold};
use crate::store::sql::db::Tx;
use crate::store::sql::events::{Origin, insert_event};
use crate::store::sql::team_rows::read_kinds;
use crate::store::sql::text::statements;
use crate::store::sql::value::{Row, Value};
use crate::webhook::{Event, order_of_quota};

statements! {
    SELECT_TOLD = both("SELECT quota_limit, told_at FROM quota_thresholds
        WHERE scope = $1 AND period = $2 AND percent = $3");
    SELECT_TEAM_TO_TELL = both("SELECT t.id AS team_id, t.daily_quota, t.monthly_quota, w.events
        FROM teams t JOIN webhook_endpoints w ON w.team_id = t.id AND w.enabled WHERE t.id = $1");
    SELECT_TEAM_OF_KEY_TO_TELL = both("SELECT k.team_id, k.daily_quota_override AS daily_quota,
            k.monthly_quota_override AS monthly_quota, w.events
        FROM api_keys k JOIN webhook_endpoints w ON w.team_id = k.team_id AND w.enabled WHERE k.id = $1");
    // Told not so long ago, a lower threshold that counts as told with a higher one keeps its time.
    WRITE_TOLD = both("INSERT INTO quota_thresholds (scope, period, percent, quota_limit, told_at)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (scope, period, percent) DO UPDATE SET quota_limit = excluded.quota_limit, told_at = excluded.told_at
        WHERE quota_thresholds.quota_limit <> excluded.quota_limit OR quota_thresholds.told_at <= $6");
    DELETE_TOLD = both("DELETE FROM quota_thresholds WHERE period = $1 AND told_at <= $2");
}

/// Tells the team of a threshold that was reached, if that is news to it. Nobody else leases of this quota meanwhile.
pub(super) async fn tell(tx: &mut Tx, threshold: &QuotaThreshold, request: &LeaseRequest) -> Result<()> {
    // Most teams are told of nothing.
    let Some(team) = team_to_tell(tx, threshold).await? else { return Ok(()) };
    let (scope, period) = (Value::from(threshold.scope.to_string()), Value::from(threshold.period.as_str()));
    let place = [scope.clone(), period.clone(), u32::from(threshold.percent).into()];
    let told = tx.fetch_optional(SELECT_TOLD, &place).await?.as_ref().map(read_told).transpose()?;
    if !threshold.is_news(told, request.now) {
        return Ok(());
    }
    for percent in threshold.covered() {
        let over = request.now.minus(threshold.period.window());
        let (percent, limit) = (u32::from(percent).into(), threshold.limit.into());
        let values = [scope.clone(), period.clone(), percent, limit, request.now.into(), over.into()];
        tx.execute(WRITE_TOLD, &values).await?;
    }
    let event = Event::quota_threshold(team, threshold, request.now)?;
    let order = order_of_quota(threshold.scope, threshold.period);
    insert_event(tx, Some(event), Origin::ordered_by(&order), request.now).await
}

fn read_told(row: &Row) -> Result<ToldThreshold> {
    Ok(ToldThreshold { limit: row.count("quota_limit")?, at: row.time("told_at")? })
}

/// Whose quota it is, if that team wants to be told and the quota is still the one that the node knows.
async fn team_to_tell(tx: &mut Tx, threshold: &QuotaThreshold) -> Result<Option<TeamId>> {
    let (sql, id) = match threshold.scope {
        QuotaScope::Team(team) => (SELECT_TEAM_TO_TELL, team.0),
        QuotaScope::Key(key) => (SELECT_TEAM_OF_KEY_TO_TELL, key.0),
    };
    let Some(row) = tx.fetch_optional(sql, &[id.into()]).await? else { return Ok(None) };
    let quota = row.optional_count(match threshold.period {
        Period::Daily => "daily_quota",
        Period::Monthly => "monthly_quota",
    })?;
    let is_told =
        quota == Some(threshold.limit) && read_kinds(&row.text("events")?)?.contains(EventKind::QuotaThreshold);
    Ok(is_told.then_some(TeamId(row.int("team_id")?)))
}

/// Forgets what was told a window ago or longer.
pub(super) async fn forget(tx: &mut Tx, period: Period, now: Timestamp) -> Result<()> {
    let values = [period.as_str().into(), now.minus(period.window()).into()];
    tx.execute(DELETE_TOLD, &values).await.map(drop)
}
