//! Teams and keys as rows: what a transaction reads and writes of them.

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::event::EventKinds;
use crate::id::{ApiKeyId, TeamId};
use crate::platform::ModelId;
use crate::store::sql::db::Tx;
use crate::store::sql::text::statements;
use crate::store::sql::value::{Row, Value};
use crate::team::{
    AccessLevel, ApiKey, KeyOwner, KeyRotation, NewApiKey, NewTeam, Team, name_taken, no_such_key, no_such_team,
};

macro_rules! team_columns {
    () => {
        "t.id AS team_id, t.name AS team_name, t.description AS team_description, t.monthly_quota, t.daily_quota,
         t.allowed_models, t.is_active AS team_is_active, t.created_at AS team_created_at, t.updated_at,
         COALESCE((SELECT w.enabled FROM webhook_endpoints w WHERE w.team_id = t.id), FALSE) AS webhook_enabled,
         (SELECT w.events FROM webhook_endpoints w WHERE w.team_id = t.id AND w.enabled) AS webhook_events"
    };
}
pub(super) use team_columns;

macro_rules! select_keys {
    ($($column:literal)?) => {
        concat!(
            "SELECT ", $($column,)?
            "k.id, k.key_prefix, k.name, k.access_level, k.monthly_quota_override, k.daily_quota_override, k.is_active,
             k.created_by, k.description, k.created_at, k.last_used_at, k.expires_at, k.previous_expires_at, ",
            team_columns!(),
            " FROM api_keys k JOIN teams t ON t.id = k.team_id "
        )
    };
}
pub(super) use select_keys;

statements! {
    INSERT_TEAM = both("INSERT INTO teams
        (name, description, monthly_quota, daily_quota, allowed_models, is_active, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, TRUE, $6, $6) RETURNING id");
    // Locked, so that nobody changes it between its being read and its being written.
    LOCK_TEAM = each(
        concat!("SELECT ", team_columns!(), " FROM teams t WHERE t.id = $1"),
        concat!("SELECT ", team_columns!(), " FROM teams t WHERE t.id = $1 FOR NO KEY UPDATE OF t"),
    );
    UPDATE_TEAM = both("UPDATE teams SET name = $2, description = $3, monthly_quota = $4, daily_quota = $5,
        allowed_models = $6, is_active = $7, updated_at = $8 WHERE id = $1");
    INSERT_KEY = both("INSERT INTO api_keys
        (team_id, key_hash, key_prefix, name, access_level, monthly_quota_override, daily_quota_override, is_active,
         created_by, description, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, TRUE, $8, $9, $10, $11) RETURNING id");
    LOCK_KEY = each(
        concat!(select_keys!(), "WHERE k.id = $1"),
        concat!(select_keys!(), "WHERE k.id = $1 FOR NO KEY UPDATE OF k"),
    );
    UPDATE_KEY = both("UPDATE api_keys SET name = $2, description = $3, monthly_quota_override = $4,
        daily_quota_override = $5, access_level = $6, expires_at = $7, is_active = $8 WHERE id = $1");
    ROTATE_KEY = both("UPDATE api_keys
        SET previous_hash = CASE WHEN CAST($4 AS BIGINT) IS NULL THEN NULL ELSE key_hash END,
            previous_expires_at = $4, key_hash = $2, key_prefix = $3
        WHERE id = $1 AND key_hash <> $2 AND (previous_hash IS NULL OR previous_hash <> $2)");
    SELECT_PREVIOUS = both("SELECT 1 AS one FROM api_keys WHERE previous_hash = $1");
}

pub(super) async fn insert_team(tx: &mut Tx, team: NewTeam, at: Timestamp) -> Result<Team> {
    let values: [Value; 6] = [
        team.name.as_str().into(),
        team.description.as_deref().into(),
        team.monthly_quota.into(),
        team.daily_quota.into(),
        write_models(team.allowed_models.as_deref())?,
        at.into(),
    ];
    let row = tx.fetch_optional(INSERT_TEAM, &values).await.map_err(|error| or_taken(error, &team.name))?;
    let id = row.ok_or_else(|| Error::internal("a new team has no id"))?.int("id")?;
    Ok(Team::from_new(TeamId(id), team, at))
}

/// The team `id`, which nobody else changes until the end of the transaction.
pub(super) async fn lock_team(tx: &mut Tx, id: TeamId) -> Result<Team> {
    let row = tx.fetch_optional(LOCK_TEAM, &[id.0.into()]).await?;
    read_team(&row.ok_or_else(|| no_such_team(id))?)
}

pub(super) async fn write_team(tx: &mut Tx, team: &Team) -> Result<()> {
    let values: [Value; 8] = [
        team.id.0.into(),
        team.name.as_str().into(),
        team.description.as_deref().into(),
        team.monthly_quota.into(),
        team.daily_quota.into(),
        write_models(team.allowed_models.as_deref())?,
        team.is_active.into(),
        team.updated_at.into(),
    ];
    tx.execute(UPDATE_TEAM, &values).await.map(drop).map_err(|error| or_taken(error, &team.name))
}

fn or_taken(error: Error, name: &str) -> Error {
    if error.kind() == ErrorKind::AlreadyExists { name_taken(name) } else { error }
}

pub(super) async fn insert_key(tx: &mut Tx, key: NewApiKey, at: Timestamp) -> Result<ApiKey> {
    let digest: Value = key.digest.to_hex().into();
    let values: [Value; 11] = [
        key.team_id.0.into(),
        digest.clone(),
        key.key_prefix.as_str().into(),
        key.name.as_str().into(),
        key.access_level.as_str().into(),
        key.monthly_quota.into(),
        key.daily_quota.into(),
        key.created_by.as_deref().into(),
        key.description.as_deref().into(),
        at.into(),
        key.expires_at.into(),
    ];
    let row = tx.fetch_optional(INSERT_KEY, &values).await.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => digest_taken(),
        ErrorKind::NotFound => no_such_team(key.team_id),
        _ => error,
    })?;
    require_new_digest(tx, digest).await?;
    let id = row.ok_or_else(|| Error::internal("a new key has no id"))?.int("id")?;
    Ok(ApiKey::from_new(ApiKeyId(id), key, at))
}

/// The key `id`, which nobody else changes until the end of the transaction, and its team.
pub(super) async fn lock_key(tx: &mut Tx, id: ApiKeyId) -> Result<KeyOwner> {
    let row = tx.fetch_optional(LOCK_KEY, &[id.0.into()]).await?;
    read_owner(&row.ok_or_else(|| no_such_key(id))?)
}

pub(super) async fn write_key(tx: &mut Tx, key: &ApiKey) -> Result<()> {
    let values: [Value; 8] = [
        key.id.0.into(),
        key.name.as_str().into(),
        key.description.as_deref().into(),
        key.monthly_quota.into(),
        key.daily_quota.into(),
        key.access_level.as_str().into(),
        key.expires_at.into(),
        key.is_active.into(),
    ];
    tx.execute(UPDATE_KEY, &values).await.map(drop)
}

/// Writes the secret of a key that was rotated.
pub(super) async fn write_rotation(tx: &mut Tx, key: &ApiKey, rotation: &KeyRotation) -> Result<()> {
    let digest: Value = rotation.digest.to_hex().into();
    let values = [key.id.0.into(), digest.clone(), key.key_prefix.as_str().into(), key.previous_expires_at.into()];
    let written = tx.execute(ROTATE_KEY, &values).await.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => digest_taken(),
        _ => error,
    })?;
    if written == 0 {
        return Err(digest_taken());
    }
    require_new_digest(tx, digest).await
}

/// A secret that was just written is not also the previous one of some key. It is asked for afterwards: what another
/// transaction made a previous one, it has committed by then, or this one would still wait for it.
async fn require_new_digest(tx: &mut Tx, digest: Value) -> Result<()> {
    match tx.fetch_optional(SELECT_PREVIOUS, &[digest]).await? {
        Some(_) => Err(digest_taken()),
        None => Ok(()),
    }
}

fn digest_taken() -> Error {
    Error::new(ErrorKind::AlreadyExists, "this key is in the store already")
}

pub(super) fn read_team(row: &Row) -> Result<Team> {
    let new = NewTeam {
        name: row.text("team_name")?,
        description: row.optional_text("team_description")?,
        monthly_quota: row.optional_count("monthly_quota")?,
        daily_quota: row.optional_count("daily_quota")?,
        allowed_models: row.optional_text("allowed_models")?.map(|json| read_models(&json)).transpose()?,
    };
    let mut team = Team::from_new(TeamId(row.int("team_id")?), new, row.time("team_created_at")?);
    team.updated_at = row.time("updated_at")?;
    team.is_active = row.flag("team_is_active")?;
    team.webhook_enabled = row.flag("webhook_enabled")?;
    team.webhook_events =
        row.optional_text("webhook_events")?.map(|json| read_kinds(&json)).transpose()?.unwrap_or_default();
    Ok(team)
}

pub(super) fn read_owner(row: &Row) -> Result<KeyOwner> {
    let team = read_team(row)?;
    let key = ApiKey {
        id: ApiKeyId(row.int("id")?),
        team_id: team.id,
        key_prefix: row.text("key_prefix")?,
        name: row.text("name")?,
        access_level: row.word("access_level", |word| word.parse::<AccessLevel>().ok())?,
        monthly_quota: row.optional_count("monthly_quota_override")?,
        daily_quota: row.optional_count("daily_quota_override")?,
        is_active: row.flag("is_active")?,
        created_by: row.optional_text("created_by")?,
        description: row.optional_text("description")?,
        created_at: row.time("created_at")?,
        last_used_at: row.optional_time("last_used_at")?,
        expires_at: row.optional_time("expires_at")?,
        previous_expires_at: row.optional_time("previous_expires_at")?,
    };
    Ok(KeyOwner { key, team })
}

/// The kinds of events in a column.
pub(super) fn read_kinds(json: &str) -> Result<EventKinds> {
    serde_json::from_str(json).map_err(|fault| Error::internal("stored events could not be read").with_source(fault))
}

fn write_models(models: Option<&[ModelId]>) -> Result<Value> {
    let json = models.map(serde_json::to_string).transpose();
    json.map(Value::from).map_err(|fault| Error::internal("models could not be written").with_source(fault))
}

fn read_models(json: &str) -> Result<Vec<ModelId>> {
    serde_json::from_str(json).map_err(|fault| Error::internal("stored models could not be read").with_source(fault))
}
