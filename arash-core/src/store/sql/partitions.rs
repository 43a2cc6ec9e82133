//! The tables that grow are cut by weeks: old ones go by dropping a table, not by deleting its rows.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqlSafeStr};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::store::sql::fault::fault;
use crate::store::sql::postgres::PostgresDb;
use crate::store::sql::value::{Row, Value};

/// The tables, each cut by its first key: a UUIDv7, whose first 48 bits are the time of its making.
const TABLES: [&str; 4] = ["deliveries", "messages", "turns", "usage_logs"];
/// Those whose rows go when the time of turns is over; messages go with their sessions.
pub(super) const OF_TURNS: [&str; 2] = ["turns", "usage_logs"];
/// Those whose rows go when the time of events is over.
pub(super) const OF_EVENTS: [&str; 1] = ["deliveries"];
const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Weeks for which there are tables before they begin. Beyond them rows go to a table of their own, and stay whole.
const AHEAD: i64 = 4;

/// The weeks' tables as they are called here, and the tables that they are of.
const SELECT_PARTITIONS: &str =
    "SELECT p.relname::TEXT AS of, c.relname::TEXT AS name, c.oid::REGCLASS::TEXT AS address
     FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
     WHERE i.inhparent IN ('deliveries'::REGCLASS, 'messages'::REGCLASS, 'turns'::REGCLASS, 'usage_logs'::REGCLASS)";
/// The tables that have rows of a week for which there was no table when they came: these stay where they are.
const SELECT_UNCUT: &str = "SELECT 'deliveries' AS of
        WHERE EXISTS (SELECT 1 FROM deliveries_default WHERE id >= $1 AND id < $2)
    UNION ALL SELECT 'messages'
        WHERE EXISTS (SELECT 1 FROM messages_default WHERE session_id >= $1 AND session_id < $2)
    UNION ALL SELECT 'turns'
        WHERE EXISTS (SELECT 1 FROM turns_default WHERE id >= $1 AND id < $2)
    UNION ALL SELECT 'usage_logs'
        WHERE EXISTS (SELECT 1 FROM usage_logs_default WHERE turn_id >= $1 AND turn_id < $2)";
/// Whether something of a week is not over: a turn that nobody has ended, or one that was ended later than `$3`.
const SELECT_UNFINISHED: &str = "SELECT 1 AS one
    WHERE EXISTS (SELECT 1 FROM turns WHERE id >= $1 AND id < $2 AND state = 'started')
       OR EXISTS (SELECT 1 FROM usage_logs WHERE turn_id >= $1 AND turn_id < $2 AND created_at >= $3)";

/// Nodes wait for each other with this. Then nobody who writes waits long behind a statement that itself waits for
/// somebody who reads for long: there are weeks left to try again.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended('arash partitions', 0));
    SET LOCAL lock_timeout = '100ms'";
/// Longest work on one table. A server that went silent is given up.
const LIMIT: Duration = Duration::from_secs(4);

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

async fn ask(db: &PostgresDb, sql: &'static str, values: &[Value]) -> Result<Vec<Row>> {
    db.run(sql, values, Instant::now() + PostgresDb::PATIENCE).await
}

/// Makes the tables of this week and of those ahead, where they are missing.
pub(super) async fn keep_ahead(db: &PostgresDb, now: Timestamp) -> Result<()> {
    let rows = ask(db, SELECT_PARTITIONS, &[]).await?;
    let known: HashSet<String> = rows.iter().map(|row| row.text("name")).collect::<Result<_>>()?;
    let mut missing: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for week in week_of(now)..=week_of(now) + AHEAD {
        let wanted: Vec<_> = TABLES.iter().filter(|table| !known.contains(&name(table, week))).collect();
        if wanted.is_empty() {
            continue;
        }
        let (from, to) = (first_id(week), first_id(week + 1));
        let uncut = ask(db, SELECT_UNCUT, &[Value::from(&from), Value::from(&to)]).await?;
        let uncut: HashSet<String> = uncut.iter().map(|row| row.text("of")).collect::<Result<_>>()?;
        for table in wanted.into_iter().filter(|&&table| !uncut.contains(table)) {
            let name = name(table, week);
            missing.entry(table).or_default().push(format!(
                "CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} FOR VALUES FROM ('{from}') TO ('{to}')"
            ));
        }
    }
    if missing.is_empty() { Ok(()) } else { run(db, missing.into_values()).await }
}

/// Drops the weeks of these tables that ended a day or more before `until`, but for those of which something is not over.
pub(super) async fn drop_ended(db: &PostgresDb, tables: &[&str], until: Timestamp) -> Result<()> {
    let last = week_of(until.minus(Duration::from_secs(24 * 3_600)));
    let mut old: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for row in ask(db, SELECT_PARTITIONS, &[]).await? {
        let (table, name) = (row.text("of")?, row.text("name")?);
        let week = name.strip_prefix(&table).and_then(|rest| rest.strip_prefix("_w")?.parse::<i64>().ok());
        if let Some(week) = week.filter(|&week| week < last && tables.contains(&table.as_str())) {
            old.entry(week).or_default().push(format!("DROP TABLE IF EXISTS {}", row.text("address")?));
        }
    }
    let mut drops = Vec::new();
    for (week, statements) in old {
        let values = [Value::from(&first_id(week)), Value::from(&first_id(week + 1)), until.into()];
        if ask(db, SELECT_UNFINISHED, &values).await?.is_empty() {
            drops.extend(statements.into_iter().map(|statement| vec![statement]));
        }
    }
    if drops.is_empty() { Ok(()) } else { run(db, drops.into_iter()).await }
}

/// Runs statements that change tables, one transaction for each group, which is about one table. One that fails keeps no
/// other from being tried.
async fn run(db: &PostgresDb, groups: impl Iterator<Item = Vec<String>>) -> Result<()> {
    // Not a connection of the pool: what is cut short here must not be found there.
    let mut connection = db.pool().acquire().await.map_err(fault)?.detach();
    let prepared = connection.execute("SET lock_timeout = '2s'; SET statement_timeout = '3s'");
    timeout(LIMIT, prepared).await.map_err(|_| silent())?.map_err(fault)?;
    let mut outcome = Ok(());
    for statements in groups {
        let done = timeout(LIMIT, run_together(&mut connection, statements)).await.map_err(|_| silent())?;
        outcome = outcome.and(done.map_err(fault));
    }
    drop(timeout(LIMIT, connection.close()).await);
    outcome
}

async fn run_together(connection: &mut PgConnection, statements: Vec<String>) -> Result<(), sqlx::Error> {
    let mut tx = connection.begin().await?;
    tx.execute(LOCK).await?;
    for statement in statements {
        tx.execute(AssertSqlSafe(statement).into_sql_str()).await?;
    }
    tx.commit().await
}

fn silent() -> Error {
    Error::unavailable("storage did not answer in time")
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
