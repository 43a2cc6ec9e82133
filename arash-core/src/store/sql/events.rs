//! Events on their way into the outbox, in the transaction of their cause.

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::TurnId;
use crate::store::sql::batch::{Batch, Kind};
use crate::store::sql::db::Tx;
use crate::store::sql::value::Value;
use crate::webhook::Event;

use Kind::{Int, Text, Uuid};

pub(super) static INSERT_EVENTS: Batch = Batch::insert(
    "INSERT INTO outbox (id, team_id, turn_id, session_key, event_type, payload, created_at, due_at)",
    &[Uuid, Int, Uuid, Text, Text, Text, Int, Int],
    "",
);

/// One row of [`INSERT_EVENTS`]: an event, the turn and the session that it comes from, and when it happened.
pub(super) fn event_row(event: &Event, (turn, session): (Option<TurnId>, Option<&str>), at: Timestamp) -> [Value; 8] {
    [
        event.id.as_uuid().into(),
        event.team_id.0.into(),
        turn.map(|turn| Value::from(turn.as_uuid())).into(),
        session.into(),
        event.kind.as_str().into(),
        event.payload.as_str().into(),
        at.into(),
        at.into(),
    ]
}

/// Writes an event that comes from no turn, if there is one.
pub(super) async fn insert_event(tx: &mut Tx, event: Option<Event>, at: Timestamp) -> Result<()> {
    let row: Vec<Value> = event.iter().flat_map(|event| event_row(event, (None, None), at)).collect();
    tx.execute_many(&INSERT_EVENTS, &row).await.map(drop)
}
