//! Messages of conversations as rows.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::id::{SessionId, TurnId};
use crate::message::{Message, Role};
use crate::session::StoredMessage;
use crate::store::sql::batch::{Batch, Kind};
use crate::store::sql::value::{Row, Value};

use Kind::{Int, Text, Uuid};

pub(super) static INSERT_MESSAGES: Batch = Batch::insert(
    "INSERT INTO messages (session_id, seq, turn_id, role, content, attachments, tool_calls, tool_call_id, created_at)",
    &[Uuid, Int, Uuid, Text, Text, Text, Text, Text, Int],
    "",
);

/// A row of [`INSERT_MESSAGES`].
pub(super) fn message_row(session: SessionId, seq: i64, turn: TurnId, message: &Message) -> Result<[Value; 9]> {
    Ok([
        session.as_uuid().into(),
        seq.into(),
        turn.as_uuid().into(),
        message.role.as_str().into(),
        message.text.clone().into(),
        list(&message.attachments)?,
        list(&message.tool_calls)?,
        message.tool_call_id.as_deref().into(),
        message.created_at.into(),
    ])
}

/// The message of a row, and where it stands.
pub(super) fn read_stored_message(row: &Row) -> Result<StoredMessage> {
    let (seq, turn_id) = (row.int("seq")?, TurnId::from_uuid(row.uuid("turn_id")?));
    Ok(StoredMessage { seq, turn_id, message: Arc::new(read_message(row)?) })
}

/// The message of a row.
pub(super) fn read_message(row: &Row) -> Result<Message> {
    Ok(Message {
        attachments: read_list(row, "attachments")?,
        tool_calls: read_list(row, "tool_calls")?,
        tool_call_id: row.optional_text("tool_call_id")?,
        ..Message::new(row.word("role", Role::from_name)?, row.text("content")?, row.time("created_at")?)
    })
}

/// A list as JSON; null when it is empty.
fn list<T: Serialize>(items: &[T]) -> Result<Value> {
    if items.is_empty() {
        return Ok(Value::Null);
    }
    let json = serde_json::to_string(items)
        .map_err(|fault| Error::internal("a part of a message could not be written").with_source(fault))?;
    Ok(json.into())
}

fn read_list<T: DeserializeOwned>(row: &Row, column: &str) -> Result<Vec<T>> {
    let Some(json) = row.optional_text(column)? else { return Ok(Vec::new()) };
    serde_json::from_str(&json)
        .map_err(|fault| Error::internal("a part of a stored message could not be read").with_source(fault))
}
