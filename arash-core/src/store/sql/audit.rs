use uuid::Uuid;

use crate::error::{Error, Result};
use crate::id::{ApiKeyId, AuditId, TeamId};
use crate::store::sql::db::{Db, Tx};
use crate::store::sql::text::statements;
use crate::store::sql::value::{Row, Value};
use crate::team::{AuditEntry, AuditPage, VisibleFields};

macro_rules! audit_columns {
    () => {
        "id, at, actor_key_id, action, object, team_id, before, after, request_id"
    };
}

statements! {
    INSERT_ENTRY = both(concat!("INSERT INTO audit_log (", audit_columns!(), ")
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"));
    SELECT_ENTRIES = both(concat!("SELECT ", audit_columns!(), " FROM audit_log
        WHERE id < $1 ORDER BY id DESC LIMIT $2"));
    SELECT_ENTRIES_OF_TEAM = both(concat!("SELECT ", audit_columns!(), " FROM audit_log
        WHERE team_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"));
}

pub(super) async fn insert_entry(tx: &mut Tx, entry: &AuditEntry) -> Result<()> {
    let values: [Value; 9] = [
        entry.id.as_uuid().into(),
        entry.at.into(),
        entry.actor_key_id.map(|key| key.0).into(),
        entry.action.as_str().into(),
        entry.object.as_str().into(),
        entry.team_id.map(|team| team.0).into(),
        entry.before.as_ref().map(write_fields).transpose()?.into(),
        entry.after.as_ref().map(write_fields).transpose()?.into(),
        entry.request_id.as_deref().into(),
    ];
    tx.execute(INSERT_ENTRY, &values).await.map(drop)
}

pub(super) async fn entries(db: &Db, team: Option<TeamId>, page: AuditPage) -> Result<Vec<AuditEntry>> {
    let before = page.before.map_or(Uuid::max(), |id| *id.as_uuid());
    let rows = match team {
        Some(team) => {
            let values = [team.0.into(), (&before).into(), page.limit.into()];
            db.fetch_all(SELECT_ENTRIES_OF_TEAM, &values).await?
        }
        None => db.fetch_all(SELECT_ENTRIES, &[(&before).into(), page.limit.into()]).await?,
    };
    rows.iter().map(read_entry).collect()
}

fn read_entry(row: &Row) -> Result<AuditEntry> {
    Ok(AuditEntry {
        id: AuditId::from_uuid(row.uuid("id")?),
        at: row.time("at")?,
        actor_key_id: row.optional_int("actor_key_id")?.map(ApiKeyId),
        action: row.text("action")?,
        object: row.text("object")?,
        team_id: row.optional_int("team_id")?.map(TeamId),
        before: row.optional_text("before")?.as_deref().map(read_fields).transpose()?,
        after: row.optional_text("after")?.as_deref().map(read_fields).transpose()?,
        request_id: row.optional_text("request_id")?,
    })
}

fn write_fields(fields: &VisibleFields) -> Result<String> {
    serde_json::to_string(fields)
        .map_err(|fault| Error::internal("an audit entry could not be written").with_source(fault))
}

fn read_fields(json: &str) -> Result<VisibleFields> {
    serde_json::from_str(json).map_err(|fault| Error::internal("an audit entry could not be read").with_source(fault))
}
