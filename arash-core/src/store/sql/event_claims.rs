//! Which events a node gets to send: a few index look-ups for each team that has some waiting, however many those are.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::event::EventKind;
use crate::id::{EventId, TeamId};
use crate::store::sql::db::Tx;
use crate::store::sql::endpoint_rows::{endpoint_columns, read_endpoint};
use crate::store::sql::text::statements;
use crate::store::sql::value::{Row, Value};
use crate::webhook::{ClaimedEvent, DueEvent, Endpoint, Event, EventClaim, LOOK_AHEAD, LeasedEvents};

/// The teams that have events waiting: from one to the next by the index, however many events each has.
macro_rules! waiting_teams {
    () => {
        "WITH RECURSIVE waiting (team_id) AS (
             SELECT MIN(team_id) FROM outbox WHERE state = 'pending' AND lease_until IS NULL
             UNION ALL SELECT (SELECT MIN(team_id) FROM outbox
                 WHERE state = 'pending' AND lease_until IS NULL AND team_id > waiting.team_id)
             FROM waiting WHERE waiting.team_id IS NOT NULL
         ),
         open AS (
             SELECT w.team_id, CASE WHEN e.failing_since IS NULL THEN CAST($2 AS BIGINT) ELSE CAST($3 AS BIGINT) END AS places
             FROM waiting AS w JOIN webhook_endpoints AS e ON e.team_id = w.team_id AND e.enabled
         )"
    };
}

/// The first `$4` events of such a team that are due at `$1`.
macro_rules! first_due {
    ($columns:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM outbox WHERE team_id = open.team_id AND state = 'pending' AND lease_until IS NULL
                AND due_at <= $1 ORDER BY due_at, id LIMIT $4"
        )
    };
}

/// Whether not all of its places are taken.
macro_rules! has_free_places {
    () => {
        "WHERE open.places > (SELECT COUNT(*) FROM outbox AS leased
             WHERE leased.team_id = open.team_id AND leased.lease_until IS NOT NULL)"
    };
}

statements! {
    // One node after the other: so no endpoint gets more than its places, and no order key more than one.
    LOCK_CLAIMS = postgres("SELECT pg_advisory_xact_lock(hashtextextended('claim events', 0))");
    END_LEASES = each(
        "UPDATE outbox SET lease_until = NULL WHERE lease_until <= $1",
        "UPDATE outbox SET lease_until = NULL
         WHERE id = ANY(ARRAY(SELECT id FROM outbox WHERE lease_until <= $1 FOR NO KEY UPDATE SKIP LOCKED))",
    );
    // Named, because SQLite would rather read through a table that it takes for small.
    SELECT_LEASED = each(
        "SELECT team_id, order_key FROM outbox INDEXED BY outbox_leased WHERE lease_until IS NOT NULL",
        "SELECT team_id, order_key FROM outbox WHERE lease_until IS NOT NULL",
    );
    SELECT_DUE = each(
        concat!(waiting_teams!(), "
         SELECT outbox.id, outbox.team_id, outbox.order_key, outbox.due_at, open.places
         FROM open JOIN outbox ON outbox.id IN (", first_due!("id"), ") ", has_free_places!()),
        concat!(waiting_teams!(), "
         SELECT due.id, open.team_id, due.order_key, due.due_at, open.places
         FROM open CROSS JOIN LATERAL (", first_due!("id, order_key, due_at"), ") AS due ", has_free_places!()),
    );
    SELECT_ENDPOINTS = each(
        concat!("SELECT ", endpoint_columns!(), " FROM webhook_endpoints
         WHERE enabled AND team_id IN (SELECT value FROM json_each($1))"),
        concat!("SELECT ", endpoint_columns!(), " FROM webhook_endpoints
         WHERE enabled AND team_id = ANY(ARRAY(
             SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON)) AS value))"),
    );
    LEASE_EVENTS = each(
        "UPDATE outbox SET lease_until = $2, attempts = attempts + 1, fence = fence + 1
         WHERE id IN (SELECT unhex(value) FROM json_each($1)) AND state = 'pending' AND lease_until IS NULL
         RETURNING id, team_id, session_key, event_type, payload, attempts, fence, created_at",
        "UPDATE outbox SET lease_until = $2, attempts = attempts + 1, fence = fence + 1
         WHERE id = ANY(ARRAY(SELECT id FROM outbox WHERE id = ANY(ARRAY(
                 SELECT CAST(value AS UUID) FROM json_array_elements_text(CAST($1 AS JSON)) AS value))
             AND state = 'pending' AND lease_until IS NULL FOR NO KEY UPDATE SKIP LOCKED))
         RETURNING id, team_id, session_key, event_type, payload, attempts, fence, created_at",
    );
}

/// Leases what [`LeasedEvents::choose`] chooses.
pub(super) async fn claim(tx: &mut Tx, claim: EventClaim) -> Result<Vec<ClaimedEvent>> {
    tx.execute(LOCK_CLAIMS, &[]).await?;
    tx.execute(END_LEASES, &[claim.now.into()]).await?;
    let due = due_events(tx, claim).await?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let teams: HashMap<EventId, TeamId> = due.iter().map(|event| (event.id, event.team_id)).collect();
    let mut leased = LeasedEvents::default();
    for row in tx.fetch_all(SELECT_LEASED, &[]).await? {
        leased.add(TeamId(row.int("team_id")?), row.optional_text("order_key")?);
    }
    let mut chosen = leased.choose(due, claim.limit);
    let endpoints = endpoints(tx, chosen.iter().filter_map(|id| teams.get(id)).copied()).await?;
    // Somebody may have switched one off meanwhile.
    chosen.retain(|id| teams.get(id).is_some_and(|team| endpoints.contains_key(team)));
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx.fetch_all(LEASE_EVENTS, &[ids(&chosen), claim.lease_until.into()]).await?;
    let mut claimed = rows.iter().map(|row| read_claimed(row, &endpoints)).collect::<Result<Vec<_>>>()?;
    let places: HashMap<_, _> = chosen.into_iter().zip(0_usize..).collect();
    claimed.sort_unstable_by_key(|claimed| places.get(&claimed.event.id).copied());
    Ok(claimed)
}

async fn due_events(tx: &mut Tx, claim: EventClaim) -> Result<Vec<DueEvent>> {
    let failing = if claim.failing { claim.per_failing_endpoint } else { 0 };
    let ahead = claim.per_endpoint.max(failing).saturating_mul(LOOK_AHEAD);
    let values: [Value; 4] = [claim.now.into(), claim.per_endpoint.into(), failing.into(), ahead.into()];
    let due = tx.fetch_all(SELECT_DUE, &values).await?;
    let read = |row: &Row| {
        Ok(DueEvent {
            id: EventId::from_uuid(row.uuid("id")?),
            team_id: TeamId(row.int("team_id")?),
            order_key: row.optional_text("order_key")?,
            due_at: row.time("due_at")?,
            places: u32::try_from(row.int("places")?).unwrap_or(0),
        })
    };
    due.iter().map(read).collect()
}

async fn endpoints(tx: &mut Tx, teams: impl Iterator<Item = TeamId>) -> Result<HashMap<TeamId, Endpoint>> {
    let teams: Vec<i64> = teams.map(|team| team.0).collect();
    let teams = serde_json::Value::from(teams).to_string();
    let endpoints = tx.fetch_all(SELECT_ENDPOINTS, &[teams.into()]).await?;
    endpoints.iter().map(|row| read_endpoint(row).map(|endpoint| (endpoint.team_id, endpoint))).collect()
}

/// Ids as one value: a JSON array of their digits.
pub(super) fn ids(ids: &[EventId]) -> Value {
    let digits = ids.iter().map(|id| id.as_uuid().simple().to_string());
    digits.collect::<serde_json::Value>().to_string().into()
}

fn read_claimed(row: &Row, endpoints: &HashMap<TeamId, Endpoint>) -> Result<ClaimedEvent> {
    let event = Event {
        id: EventId::from_uuid(row.uuid("id")?),
        team_id: TeamId(row.int("team_id")?),
        kind: row.word("event_type", EventKind::from_name)?,
        payload: row.text("payload")?,
    };
    let endpoint = endpoints.get(&event.team_id).cloned();
    Ok(ClaimedEvent {
        endpoint: endpoint.ok_or_else(|| Error::internal("an event was claimed that goes nowhere"))?,
        event,
        session_id: row.optional_text("session_key")?,
        attempt: u32::try_from(row.int("attempts")?).unwrap_or(u32::MAX),
        fence: row.int("fence")?,
        created_at: row.time("created_at")?,
    })
}
