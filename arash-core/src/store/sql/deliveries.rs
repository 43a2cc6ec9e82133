//! The delivery log: read, asked for again, and forgotten.

use std::time::Duration;

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::event::EventKind;
use crate::id::{AttemptId, EventId, TeamId};
use crate::store::sql::audit::insert_entry;
use crate::store::sql::batch::{Batch, Kind};
use crate::store::sql::db::{Db, Tx};
use crate::store::sql::text::statements;
use crate::store::sql::value::{Row, Value};
use crate::team::{AuditEntry, ChangeContext};
use crate::webhook::{Delivery, DeliveryAttempt, DeliveryPage, DeliveryState, MAX_REDELIVERED, Redelivery};

macro_rules! delivery_columns {
    () => {
        "id, team_id, event_type, session_key, state, attempts, status_code, response_time_ms, error, due_at, created_at,
         state_since"
    };
}

statements! {
    SELECT_DELIVERY = both(concat!("SELECT ", delivery_columns!(), " FROM outbox WHERE id = $1 AND team_id = $2"));
    SELECT_DELIVERIES = both(concat!("SELECT ", delivery_columns!(), " FROM outbox
        WHERE team_id = $1 AND state = $2 AND (created_at, id) < ($3, $4) ORDER BY created_at DESC, id DESC LIMIT $5"));
    SELECT_ALL_DELIVERIES = both(concat!(
        "SELECT * FROM (SELECT ", delivery_columns!(), " FROM outbox
            WHERE team_id = $1 AND state = 'pending' AND (created_at, id) < ($2, $3)
            ORDER BY created_at DESC, id DESC LIMIT $4) AS pending
        UNION ALL SELECT * FROM (SELECT ", delivery_columns!(), " FROM outbox
            WHERE team_id = $1 AND state = 'delivered' AND (created_at, id) < ($2, $3)
            ORDER BY created_at DESC, id DESC LIMIT $4) AS delivered
        UNION ALL SELECT * FROM (SELECT ", delivery_columns!(), " FROM outbox
            WHERE team_id = $1 AND state = 'dead' AND (created_at, id) < ($2, $3)
            ORDER BY created_at DESC, id DESC LIMIT $4) AS dead
        ORDER BY created_at DESC, id DESC LIMIT $4"));
    SELECT_ATTEMPTS = both("SELECT id, attempt, at, status_code, response_time_ms, error, response_excerpt FROM deliveries
        WHERE outbox_id = $1 ORDER BY at, id");
    SELECT_RANGE = both("SELECT id, created_at FROM outbox WHERE team_id = $1 AND state = $2
        AND created_at BETWEEN $3 AND $4 ORDER BY created_at, id LIMIT $5");
    SELECT_OLDEST = each(
        "SELECT id, state FROM outbox WHERE state_since < $1 ORDER BY state_since, id LIMIT $2",
        "SELECT id, state FROM outbox WHERE state_since < $1 ORDER BY state_since, id LIMIT $2 FOR UPDATE SKIP LOCKED",
    );
}

/// An event that some node has is that node's still: the attempt on its way delivers it, or it is due after that.
static SEND_AGAIN: Batch = Batch::from(
    "UPDATE outbox SET state = 'pending', attempts = 0, due_at = v.column3, state_since = v.column3 FROM",
    &[Kind::Uuid, Kind::Int, Kind::Int],
    "WHERE outbox.id = v.column1 AND outbox.team_id = v.column2",
)
.and_on_postgres("AND outbox.id = ANY(ARRAY(SELECT id FROM outbox WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE))");
static GIVE_UP: Batch = Batch::from(
    "UPDATE outbox SET state = 'dead', lease_until = NULL, state_since = v.column2 FROM",
    &[Kind::Uuid, Kind::Int],
    "WHERE outbox.id = v.column1 AND outbox.state = 'pending'",
);
static DELETE_ATTEMPTS: Batch =
    Batch::from("DELETE FROM deliveries WHERE outbox_id IN (SELECT v.column1 FROM", &[Kind::Uuid], ")");
static DELETE_EVENTS: Batch = Batch::from("DELETE FROM outbox WHERE id IN (SELECT v.column1 FROM", &[Kind::Uuid], ")");

/// Every statement of this file that is over many rows.
#[cfg(test)]
pub(super) const BATCHES: [&Batch; 4] = [&SEND_AGAIN, &GIVE_UP, &DELETE_ATTEMPTS, &DELETE_EVENTS];

pub(super) async fn page(db: &Db, team: TeamId, page: DeliveryPage) -> Result<Vec<Delivery>> {
    let last = (Timestamp::from_millis(i64::MAX), EventId::from_uuid(Uuid::max()));
    let (at, id) = page.before.unwrap_or(last);
    let (team, place, limit) = (Value::from(team.0), [at.into(), id.as_uuid().into()], Value::from(page.limit));
    let [at, id] = place;
    let rows = match page.state {
        Some(state) => db.fetch_all(SELECT_DELIVERIES, &[team, state.as_str().into(), at, id, limit]).await?,
        None => db.fetch_all(SELECT_ALL_DELIVERIES, &[team, at, id, limit]).await?,
    };
    rows.iter().map(read_delivery).collect()
}

pub(super) async fn with_attempts(
    db: &Db,
    team: TeamId,
    id: EventId,
) -> Result<Option<(Delivery, Vec<DeliveryAttempt>)>> {
    let id = Value::from(id.as_uuid());
    let Some(row) = db.fetch_optional(SELECT_DELIVERY, &[id.clone(), team.0.into()]).await? else { return Ok(None) };
    let attempts = db.fetch_all(SELECT_ATTEMPTS, &[id]).await?;
    Ok(Some((read_delivery(&row)?, attempts.iter().map(read_attempt).collect::<Result<_>>()?)))
}

/// Has events sent again; returns how many.
pub(super) async fn redeliver(tx: &mut Tx, team: TeamId, which: Redelivery, by: &ChangeContext) -> Result<u64> {
    let asked = match which {
        Redelivery::One(id) => vec![*id.as_uuid()],
        Redelivery::Range { from, to, only_dead } => range(tx, team, (from, to), only_dead).await?,
    };
    let row = |id: &Uuid| -> [Value; 3] { [id.into(), team.0.into(), by.at.into()] };
    let rows: Vec<Value> = asked.iter().flat_map(row).collect();
    let count = tx.execute_many(&SEND_AGAIN, &rows).await?;
    if count > 0 {
        insert_entry(tx, &AuditEntry::redelivered(team, which, count, by)).await?;
    }
    Ok(count)
}

/// The oldest events of a range that wait for nothing.
async fn range(tx: &mut Tx, team: TeamId, (from, to): (Timestamp, Timestamp), only_dead: bool) -> Result<Vec<Uuid>> {
    let states = if only_dead { &[DeliveryState::Dead][..] } else { &[DeliveryState::Dead, DeliveryState::Delivered] };
    let mut found = Vec::new();
    for state in states {
        let values = [team.0.into(), state.as_str().into(), from.into(), to.into(), MAX_REDELIVERED.into()];
        for row in tx.fetch_all(SELECT_RANGE, &values).await? {
            found.push((row.time("created_at")?, row.uuid("id")?));
        }
    }
    found.sort_unstable();
    Ok(found.into_iter().map(|(_, id)| id).take(MAX_REDELIVERED as usize).collect())
}

/// Ends events whose state is older than `kept` at `now`; returns how many.
pub(super) async fn forget(tx: &mut Tx, now: Timestamp, kept: Duration, limit: u32) -> Result<u64> {
    let (mut given_up, mut finished) = (Vec::new(), Vec::new());
    let oldest = tx.fetch_all(SELECT_OLDEST, &[now.minus(kept).into(), limit.into()]).await?;
    for row in &oldest {
        let id = Value::from(&row.uuid("id")?);
        match row.word("state", DeliveryState::from_name)? {
            DeliveryState::Pending => given_up.extend([id, now.into()]),
            DeliveryState::Delivered | DeliveryState::Dead => finished.push(id),
        }
    }
    tx.execute_many(&GIVE_UP, &given_up).await?;
    tx.execute_many(&DELETE_ATTEMPTS, &finished).await?;
    tx.execute_many(&DELETE_EVENTS, &finished).await?;
    Ok(oldest.len() as u64)
}

fn read_delivery(row: &Row) -> Result<Delivery> {
    let state = row.word("state", DeliveryState::from_name)?;
    Ok(Delivery {
        event_id: EventId::from_uuid(row.uuid("id")?),
        team_id: TeamId(row.int("team_id")?),
        kind: row.word("event_type", EventKind::from_name)?,
        session_id: row.optional_text("session_key")?,
        state,
        attempts: u32::try_from(row.int("attempts")?).unwrap_or(0),
        status_code: read_status(row)?,
        response_time: row.optional_count("response_time_ms")?.map(Duration::from_millis),
        error: row.optional_text("error")?,
        next_attempt_at: Some(row.time("due_at")?).filter(|_| state == DeliveryState::Pending),
        created_at: row.time("created_at")?,
        delivered_at: Some(row.time("state_since")?).filter(|_| state == DeliveryState::Delivered),
    })
}

fn read_attempt(row: &Row) -> Result<DeliveryAttempt> {
    Ok(DeliveryAttempt {
        id: AttemptId::from_uuid(row.uuid("id")?),
        attempt: u32::try_from(row.int("attempt")?).unwrap_or(0),
        at: row.time("at")?,
        status_code: read_status(row)?,
        response_time: Duration::from_millis(row.optional_count("response_time_ms")?.unwrap_or(0)),
        error: row.optional_text("error")?,
        response_excerpt: row.optional_text("response_excerpt")?,
    })
}

fn read_status(row: &Row) -> Result<Option<u16>> {
    Ok(row.optional_int("status_code")?.and_then(|code| u16::try_from(code).ok()))
}
