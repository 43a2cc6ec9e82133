use async_trait::async_trait;

use crate::error::Result;
use crate::id::TeamId;
use crate::store::sql::SqlStore;
use crate::store::sql::audit::insert_entry;
use crate::store::sql::db::Tx;
use crate::store::sql::team_rows::{lock_team, read_kinds};
use crate::store::sql::teams::move_epoch;
use crate::store::sql::text::statements;
use crate::store::sql::value::{Row, Value};
use crate::team::{AuditEntry, ChangeContext, no_such_team};
use crate::webhook::{Endpoint, EndpointChange, EndpointStore, Sealed};

macro_rules! endpoint_columns {
    () => {
        "w.team_id, w.url, w.secret, w.secret_hint, w.previous_secret, w.previous_expires_at, w.enabled, w.events,
         w.failing_since, w.disabled_reason, w.updated_at"
    };
}

statements! {
    SELECT_ENDPOINT = both(concat!("SELECT ", endpoint_columns!(), " FROM webhook_endpoints w WHERE w.team_id = $1"));
    WRITE_ENDPOINT = both("INSERT INTO webhook_endpoints (team_id, url, secret, secret_hint, previous_secret,
            previous_expires_at, enabled, events, failing_since, disabled_reason, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (team_id) DO UPDATE SET url = excluded.url, secret = excluded.secret,
            secret_hint = excluded.secret_hint, previous_secret = excluded.previous_secret,
            previous_expires_at = excluded.previous_expires_at, enabled = excluded.enabled, events = excluded.events,
            failing_since = excluded.failing_since, disabled_reason = excluded.disabled_reason,
            updated_at = excluded.updated_at");
}

#[async_trait]
impl EndpointStore for SqlStore {
    async fn endpoint(&self, team: TeamId) -> Result<Option<Endpoint>> {
        self.db.fetch_optional(SELECT_ENDPOINT, &[team.0.into()]).await?.as_ref().map(read_endpoint).transpose()
    }

    async fn put_endpoint(&self, change: EndpointChange, by: &ChangeContext) -> Result<Endpoint> {
        let by = by.clone();
        self.db
            .transact("put_endpoint", move |tx| {
                let (change, by) = (change.clone(), by.clone());
                Box::pin(async move {
                    lock_team(tx, change.team_id).await?;
                    let before = tx.fetch_optional(SELECT_ENDPOINT, &[change.team_id.0.into()]).await?;
                    let before = before.as_ref().map(read_endpoint).transpose()?;
                    if let Some((after, entry)) = change.on(before.as_ref(), &by)? {
                        write_endpoint(tx, &after, &entry).await?;
                        return Ok(after);
                    }
                    before.ok_or_else(|| no_such_team(change.team_id))
                })
            })
            .await
    }
}

/// Writes an endpoint that became another, and what follows from it.
pub(super) async fn write_endpoint(tx: &mut Tx, endpoint: &Endpoint, entry: &AuditEntry) -> Result<()> {
    let (previous, previous_end) = endpoint.previous_secret.as_ref().map(|(secret, end)| (&secret.0, *end)).unzip();
    let values: [Value; 11] = [
        endpoint.team_id.0.into(),
        endpoint.url.as_str().into(),
        endpoint.secret.0.as_slice().into(),
        endpoint.secret_hint.as_str().into(),
        previous.map(Vec::as_slice).into(),
        previous_end.into(),
        endpoint.enabled.into(),
        write_kinds(endpoint)?.into(),
        endpoint.failing_since.into(),
        endpoint.disabled_reason.as_deref().into(),
        endpoint.updated_at.into(),
    ];
    tx.execute(WRITE_ENDPOINT, &values).await?;
    insert_entry(tx, entry).await?;
    move_epoch(tx).await
}

fn write_kinds(endpoint: &Endpoint) -> Result<String> {
    serde_json::to_string(&endpoint.events)
        .map_err(|fault| crate::error::Error::internal("events could not be written").with_source(fault))
}

pub(super) fn read_endpoint(row: &Row) -> Result<Endpoint> {
    let previous = row.optional_bytes("previous_secret")?.map(Sealed);
    Ok(Endpoint {
        team_id: TeamId(row.int("team_id")?),
        url: row.text("url")?,
        secret: Sealed(row.optional_bytes("secret")?.unwrap_or_default()),
        secret_hint: row.text("secret_hint")?,
        previous_secret: previous.zip(row.optional_time("previous_expires_at")?),
        enabled: row.flag("enabled")?,
        events: read_kinds(&row.text("events")?)?,
        failing_since: row.optional_time("failing_since")?,
        disabled_reason: row.optional_text("disabled_reason")?,
        updated_at: row.time("updated_at")?,
    })
}
