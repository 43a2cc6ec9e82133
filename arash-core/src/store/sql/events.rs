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
    "INSERT INTO outbox (id, team_id, turn_id, session_key, order_key, event_type, payload, created_at, due_at,
        state_since)",
    &[Uuid, Int, Uuid, Text, Text, Text, Text, Int, Int, Int],
    "",
);

/// Where an event comes from.
#[derive(Clone, Copy, Default)]
pub(super) struct Origin<'a> {
    turn: Option<TurnId>,
    session: Option<&'a str>,
    order: Option<&'a str>,
}

impl<'a> Origin<'a> {
    /// A turn, in a session or in none.
    pub(super) const fn turn(turn: TurnId, session: Option<&'a str>) -> Self {
        Self { turn: Some(turn), session, order: session }
    }

    /// No turn: a key or a quota, with this order key.
    pub(super) const fn ordered_by(order: &'a str) -> Self {
        Self { turn: None, session: None, order: Some(order) }
    }
}

/// One row of [`INSERT_EVENTS`]: an event, where it comes from, and when it happened.
pub(super) fn event_row(event: &Event, origin: Origin<'_>, at: Timestamp) -> [Value; 10] {
    [
        event.id.as_uuid().into(),
        event.team_id.0.into(),
        origin.turn.map(|turn| Value::from(turn.as_uuid())).into(),
        origin.session.into(),
        origin.order.into(),
        event.kind.as_str().into(),
        event.payload.as_str().into(),
        at.into(),
        at.into(),
        at.into(),
    ]
}

/// Writes an event that comes from no turn, if there is one.
pub(super) async fn insert_event(tx: &mut Tx, event: Option<Event>, origin: Origin<'_>, at: Timestamp) -> Result<()> {
    let row: Vec<Value> = event.iter().flat_map(|event| event_row(event, origin, at)).collect();
    tx.execute_many(&INSERT_EVENTS, &row).await.map(drop)
}
