//! Endpoints as rows: what a transaction reads and writes of them.

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::event::EventKinds;
use crate::id::TeamId;
use crate::seal::{Sealed, SealingKeyId};
use crate::store::sql::db::Tx;
use crate::store::sql::team_rows::read_kinds;
use crate::store::sql::text::statements;
use crate::store::sql::value::{Row, Value};
use crate::webhook::{Endpoint, unregistered_key};

macro_rules! endpoint_columns {
    () => {
        "team_id, url, secret, secret_hint, previous_secret, previous_expires_at, enabled, events, failing_since,
         disabled_reason, updated_at"
    };
}
pub(super) use endpoint_columns;

statements! {
    WRITE_ENDPOINT = both("INSERT INTO webhook_endpoints (team_id, url, secret, secret_key_id, secret_hint,
            previous_secret, previous_key_id, previous_expires_at, enabled, events, failing_since, disabled_reason,
            updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        ON CONFLICT (team_id) DO UPDATE SET url = excluded.url, secret = excluded.secret,
            secret_key_id = excluded.secret_key_id, secret_hint = excluded.secret_hint,
            previous_secret = excluded.previous_secret, previous_key_id = excluded.previous_key_id,
            previous_expires_at = excluded.previous_expires_at, enabled = excluded.enabled, events = excluded.events,
            failing_since = excluded.failing_since, disabled_reason = excluded.disabled_reason,
            updated_at = excluded.updated_at");
}

/// Writes an endpoint, in the place of the one that the team has.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound) when a secret was sealed with a key that is not registered.
pub(super) async fn write_endpoint(tx: &mut Tx, endpoint: &Endpoint) -> Result<()> {
    let previous = endpoint.previous_secret.as_ref();
    let values: [Value; 13] = [
        endpoint.team_id.0.into(),
        endpoint.url.as_str().into(),
        endpoint.secret.0.as_slice().into(),
        key_value(&endpoint.secret)?,
        endpoint.secret_hint.as_str().into(),
        previous.map(|(sealed, _)| sealed.0.as_slice()).into(),
        previous.map_or(Ok(Value::Null), |(sealed, _)| key_value(sealed))?,
        previous.map(|&(_, end)| end).into(),
        endpoint.enabled.into(),
        write_kinds(endpoint.events)?.into(),
        endpoint.failing_since.into(),
        endpoint.disabled_reason.as_deref().into(),
        endpoint.updated_at.into(),
    ];
    tx.execute(WRITE_ENDPOINT, &values).await.map(drop)
}

pub(super) fn read_endpoint(row: &Row) -> Result<Endpoint> {
    let end = row.optional_time("previous_expires_at")?;
    let previous = row.optional_bytes("previous_secret")?;
    Ok(Endpoint {
        team_id: TeamId(row.int("team_id")?),
        url: row.text("url")?,
        secret: Sealed(row.optional_bytes("secret")?.unwrap_or_default()),
        secret_hint: row.text("secret_hint")?,
        previous_secret: previous.map(|bytes| (Sealed(bytes), end.unwrap_or(Timestamp::default()))),
        enabled: row.flag("enabled")?,
        events: read_kinds(&row.text("events")?)?,
        failing_since: row.optional_time("failing_since")?,
        disabled_reason: row.optional_text("disabled_reason")?,
        updated_at: row.time("updated_at")?,
    })
}

/// The id of the key that something was sealed with.
pub(super) fn key_value(sealed: &Sealed) -> Result<Value> {
    sealed.key_id().map(Value::from).ok_or_else(unregistered_key)
}

impl From<SealingKeyId> for Value {
    fn from(id: SealingKeyId) -> Self {
        Self::from(id.0)
    }
}

fn write_kinds(kinds: EventKinds) -> Result<String> {
    serde_json::to_string(&kinds).map_err(|fault| Error::internal("events could not be written").with_source(fault))
}
