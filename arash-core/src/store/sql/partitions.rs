//! The tables that grow are cut by weeks: old ones go by dropping a table, not by deleting its rows.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, Executor, SqlSafeStr};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::store::sql::fault::fault;
use crate::store::sql::postgres::PostgresDb;

/// The tables, each cut by its first key: a UUIDv7, whose first 48 bits are the time of its making.
const TABLES: [&str; 4] = ["deliveries", "messages", "turns", "usage_logs"];
/// Those whose rows go when their time is over; messages go with their sessions.
const RETAINED: [&str; 3] = ["deliveries", "turns", "usage_logs"];
const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Weeks for which there are tables before they begin. Beyond them rows go to a table of their own, and stay whole.
const AHEAD: i64 = 4;
/// Nodes wait for each other with this.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended('arash partitions', 0))";

/// Weeks since the epoch; they begin on a Thursday.
const fn week_of(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(WEEK.as_millis() as i64)
}

/// The first id of a week.
fn first_id(week: i64) -> Uuid {
    let millis = (week * WEEK.as_millis() as i64).max(0) as u128;
    Uuid::from_u128(millis << 80)
}

fn name(table: &str, week: i64) -> String {
    format!("{table}_w{week}")
}

/// Makes the tables of this week and of those ahead, where they are missing.
pub(super) async fn keep_ahead(db: &PostgresDb, now: Timestamp) -> Result<()> {
    let weeks = week_of(now)..=week_of(now) + AHEAD;
    let wanted: Vec<(&str, i64)> =
        TABLES.iter().flat_map(|&table| weeks.clone().map(move |week| (table, week))).collect();
    let names: Vec<String> = wanted.iter().map(|&(table, week)| name(table, week)).collect();
    let known: Vec<String> = sqlx::query_scalar("SELECT relname::TEXT FROM pg_class WHERE relname = ANY($1)")
        .bind(&names)
        .fetch_all(db.pool())
        .await
        .map_err(fault)?;
    let mut missing: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for ((table, week), name) in wanted.into_iter().zip(names).filter(|(_, name)| !known.contains(name)) {
        let (from, to) = (first_id(week), first_id(week + 1));
        missing.entry(table).or_default().push(format!(
            "CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} FOR VALUES FROM ('{from}') TO ('{to}')"
        ));
    }
    if missing.is_empty() { Ok(()) } else { run(db, missing.into_values()).await }
}

/// Drops the tables of weeks that ended a day or more before `until`: every turn in them has ended by then.
pub(super) async fn drop_ended(db: &PostgresDb, until: Timestamp) -> Result<()> {
    let last = week_of(until.minus(Duration::from_secs(24 * 3_600)));
    let mut old = Vec::new();
    for table in RETAINED {
        let names: Vec<String> = sqlx::query_scalar(
            "SELECT c.relname::TEXT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
             WHERE i.inhparent = $1::TEXT::REGCLASS",
        )
        .bind(table)
        .fetch_all(db.pool())
        .await
        .map_err(fault)?;
        let week = |name: &String| name.strip_prefix(table)?.strip_prefix("_w")?.parse::<i64>().ok();
        old.extend(names.into_iter().filter(|name| week(name).is_some_and(|week| week < last)));
    }
    if old.is_empty() {
        return Ok(());
    }
    run(db, old.into_iter().map(|partition| vec![format!("DROP TABLE IF EXISTS {partition}")])).await
}

/// Runs statements that change tables, one transaction for each group, which is about one table: they wait for those
/// who use the table, and nobody may wait long for them.
async fn run(db: &PostgresDb, groups: impl Iterator<Item = Vec<String>>) -> Result<()> {
    // Not a connection of the pool: what is cut short here must not be found there.
    let mut connection = db.pool().acquire().await.map_err(fault)?.detach();
    connection.execute("SET lock_timeout = '2s'; SET statement_timeout = '60s'").await.map_err(fault)?;
    for statements in groups {
        let mut tx = connection.begin().await.map_err(fault)?;
        tx.execute(LOCK).await.map_err(fault)?;
        for statement in statements {
            tx.execute(AssertSqlSafe(statement).into_sql_str()).await.map_err(fault)?;
        }
        tx.commit().await.map_err(fault)?;
    }
    connection.close().await.map_err(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_a_week_lie_between_its_first_and_the_next() {
        let now = Timestamp::from_millis(1_795_262_400_123);
        let bytes = (1_795_262_400_123_u128 << 80 | u128::from(u64::MAX)).to_be_bytes();
        let id = Uuid::from_bytes(bytes);
        let week = week_of(now);
        assert!(first_id(week) <= id && id < first_id(week + 1));
        assert_eq!(week_of(Timestamp::from_millis(week * WEEK.as_millis() as i64)), week);
    }
}
