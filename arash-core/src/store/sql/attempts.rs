//! What came of attempts, and what becomes of their events and endpoints since.

use std::collections::{BTreeMap, HashSet};

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::TeamId;
use crate::store::sql::audit::insert_entry;
use crate::store::sql::batch::{Batch, Kind};
use crate::store::sql::db::Tx;
use crate::store::sql::endpoint_rows::write_endpoint;
use crate::store::sql::endpoints::lock_endpoint;
use crate::store::sql::events::{Origin, insert_event};
use crate::store::sql::teams::move_epoch;
use crate::store::sql::value::Value;
use crate::webhook::{Attempt, DeliveryState, EndpointNews, Event, NextStep};

use Kind::{Bool, Int, Text, Uuid};

/// An attempt that gives its event back leaves the figures of the last attempt as they are. Fewer attempts than this one
/// are counted of an event that was asked for again meanwhile: it stays due, unless it was delivered. The first column of
/// all is the event, so that rows are locked in its order.
static SETTLE_EVENTS: Batch = Batch::from(
    "UPDATE outbox SET lease_until = NULL,
        state = CASE WHEN outbox.attempts < v.column11 AND v.column4 = 'dead' THEN 'pending' ELSE v.column4 END,
        due_at = CASE WHEN outbox.attempts < v.column11 THEN outbox.due_at ELSE COALESCE(v.column5, outbox.due_at) END,
        state_since = CASE WHEN v.column4 = 'delivered' OR (v.column4 = 'dead' AND outbox.attempts >= v.column11) THEN v.column6
            ELSE outbox.state_since END,
        attempts = CASE WHEN outbox.attempts = 0 AND v.column4 = 'delivered' THEN 1
            WHEN outbox.attempts = 0 OR v.column7 THEN outbox.attempts ELSE outbox.attempts - 1 END,
        status_code = CASE WHEN v.column7 THEN v.column8 ELSE outbox.status_code END,
        response_time_ms = CASE WHEN v.column7 THEN v.column9 ELSE outbox.response_time_ms END,
        error = CASE WHEN v.column7 THEN v.column10 ELSE outbox.error END FROM",
    &[Uuid, Int, Int, Text, Int, Int, Bool, Int, Int, Text, Int],
    "WHERE outbox.id = v.column1 AND outbox.team_id = v.column2 AND
        ((outbox.lease_until IS NOT NULL AND outbox.fence = v.column3 AND outbox.state = 'pending')
         OR (v.column4 = 'delivered' AND outbox.state <> 'delivered'))",
)
.and_on_postgres("AND outbox.id = ANY(ARRAY(SELECT id FROM outbox WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE))");
/// Only of events that are there: those of a session go with it.
static INSERT_ATTEMPTS: Batch = Batch::from(
    "INSERT INTO deliveries (id, outbox_id, attempt, at, status_code, response_time_ms, error, response_excerpt)
     SELECT v.column1, v.column2, v.column3, v.column4, v.column5, v.column6, v.column7, v.column8 FROM",
    &[Uuid, Uuid, Int, Int, Int, Int, Text, Text, Int],
    "JOIN outbox ON outbox.id = v.column2 AND outbox.team_id = v.column9 WHERE TRUE ON CONFLICT DO NOTHING",
);
/// Endpoints that go on as before are not written.
static NOTE_ENDPOINTS: Batch = Batch::from(
    "UPDATE webhook_endpoints SET
        failing_since = CASE WHEN v.column3 THEN v.column4 ELSE COALESCE(webhook_endpoints.failing_since, v.column4) END
     FROM",
    &[Int, Int, Bool, Int],
    "WHERE webhook_endpoints.team_id = v.column1 AND webhook_endpoints.updated_at = v.column2
        AND webhook_endpoints.failing_since IS DISTINCT FROM
            CASE WHEN v.column3 THEN v.column4 ELSE COALESCE(webhook_endpoints.failing_since, v.column4) END",
);
static FINISH_TEST: Batch = Batch::from(
    "UPDATE outbox SET state = v.column2, attempts = 1, status_code = v.column3, response_time_ms = v.column4,
        error = v.column5 FROM",
    &[Uuid, Text, Int, Int, Text],
    "WHERE outbox.id = v.column1",
);

/// Every statement of this file.
#[cfg(test)]
pub(super) const BATCHES: [&Batch; 4] = [&SETTLE_EVENTS, &INSERT_ATTEMPTS, &NOTE_ENDPOINTS, &FINISH_TEST];

/// What a batch of attempts writes.
pub(super) struct Settlement {
    /// One event is in one part once.
    parts: Vec<Vec<Value>>,
    attempts: Vec<Value>,
    news: BTreeMap<(TeamId, Timestamp), EndpointNews>,
}

impl Settlement {
    pub(super) fn of(attempts: &[Attempt]) -> Self {
        let mut left: Vec<_> = attempts.iter().collect();
        let mut parts = Vec::new();
        while !left.is_empty() {
            let mut seen = HashSet::new();
            let (first, later): (Vec<_>, Vec<_>) = left.into_iter().partition(|attempt| seen.insert(attempt.event_id));
            parts.push(first.into_iter().flat_map(settled_row).collect());
            left = later;
        }
        let sent = attempts.iter().filter(|attempt| attempt.is_sent());
        Self { parts, attempts: sent.flat_map(attempt_row).collect(), news: EndpointNews::of(attempts) }
    }

    /// Whether it changes more than how events stand, which may be forgotten with the machine's power: they are sent again.
    pub(super) fn switches_off(&self) -> bool {
        self.news.values().any(EndpointNews::switches_off)
    }

    pub(super) async fn write(&self, tx: &mut Tx) -> Result<()> {
        for part in &self.parts {
            tx.execute_many(&SETTLE_EVENTS, part).await?;
        }
        tx.execute_many(&INSERT_ATTEMPTS, &self.attempts).await?;
        learn(tx, &self.news).await
    }
}

/// Writes a test with its only attempt.
pub(super) async fn write_test(tx: &mut Tx, event: &Event, attempt: &Attempt) -> Result<()> {
    insert_event(tx, Some(event.clone()), Origin::default(), attempt.at).await?;
    let (state, _) = standing(attempt);
    let [status, time, error] = figures(attempt);
    let finished = [event.id.as_uuid().into(), state, status, time, error];
    tx.execute_many(&FINISH_TEST, &finished).await?;
    tx.execute_many(&INSERT_ATTEMPTS, &attempt_row(attempt)).await?;
    learn(tx, &EndpointNews::of_test(attempt)).await
}

/// Writes what attempts tell of endpoints.
async fn learn(tx: &mut Tx, news: &BTreeMap<(TeamId, Timestamp), EndpointNews>) -> Result<()> {
    let row = |(&(team, version), news): (&(TeamId, Timestamp), &EndpointNews)| {
        let (has_succeeded, failed_at) = news.health();
        [team.0.into(), version.into(), has_succeeded.into(), failed_at.into()]
    };
    let rows: Vec<Value> = news.iter().flat_map(row).collect();
    tx.execute_many(&NOTE_ENDPOINTS, &rows).await?;
    for (&(team, version), news) in news.iter().filter(|(_, news)| news.switches_off()) {
        let endpoint = lock_endpoint(tx, team).await?.filter(|endpoint| endpoint.updated_at == version);
        if let Some((after, entry)) = endpoint.and_then(|endpoint| news.disabled(&endpoint)) {
            write_endpoint(tx, &after).await?;
            insert_entry(tx, &entry).await?;
            move_epoch(tx).await?;
        }
    }
    Ok(())
}

/// The state of an event after an attempt, and when it is due then.
fn standing(attempt: &Attempt) -> (Value, Value) {
    let (state, due_at) = match attempt.next {
        NextStep::Delivered => (DeliveryState::Delivered, None),
        NextStep::RetryAt(at) => (DeliveryState::Pending, Some(at)),
        NextStep::Dead => (DeliveryState::Dead, None),
        NextStep::GiveBack => (DeliveryState::Pending, None),
    };
    (state.as_str().into(), due_at.into())
}

/// What the endpoint answered, how long it took, and why it failed.
fn figures(attempt: &Attempt) -> [Value; 3] {
    let time = (attempt.response_time.as_millis() as u64).into();
    [attempt.status_code.map(u32::from).into(), time, attempt.error.as_deref().into()]
}

fn settled_row(attempt: &Attempt) -> [Value; 11] {
    let (state, due_at) = standing(attempt);
    let [status, time, error] = figures(attempt);
    let event = attempt.event_id.as_uuid().into();
    let (team, fence, is_sent) = (attempt.team_id.0.into(), attempt.fence.into(), attempt.is_sent().into());
    [event, team, fence, state, due_at, attempt.at.into(), is_sent, status, time, error, attempt.attempt.into()]
}

fn attempt_row(attempt: &Attempt) -> [Value; 9] {
    let [status, time, error] = figures(attempt);
    let (id, event) = (attempt.id.as_uuid().into(), attempt.event_id.as_uuid().into());
    let (number, at, team) = (attempt.attempt.into(), attempt.at.into(), attempt.team_id.0.into());
    [id, event, number, at, status, time, error, attempt.response_excerpt.as_deref().into(), team]
}
