use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{ApiKeyId, TeamId};
use crate::platform::ModelId;
use crate::store::sql::SqlStore;
use crate::store::sql::db::Tx;
use crate::store::sql::text::statements;
use crate::store::sql::value::{Row, Value};
use crate::team::{AccessLevel, ApiKey, KeyDigest, KeyOwner, NewApiKey, NewTeam, PageAfter, Team, TeamStore};

macro_rules! team_columns {
    () => {
        "t.id AS team_id, t.name AS team_name, t.description AS team_description, t.monthly_quota, t.daily_quota,
         t.allowed_models, t.is_active AS team_is_active, t.created_at AS team_created_at, t.updated_at,
         COALESCE((SELECT w.enabled FROM webhook_endpoints w WHERE w.team_id = t.id), FALSE) AS webhook_enabled"
    };
}

macro_rules! key_columns {
    () => {
        concat!(
            "k.id, k.key_prefix, k.name, k.access_level, k.monthly_quota_override, k.daily_quota_override, k.is_active,
             k.created_by, k.description, k.created_at, k.last_used_at, k.expires_at, ",
            team_columns!()
        )
    };
}

statements! {
    INSERT_TEAM = both("INSERT INTO teams
        (name, description, monthly_quota, daily_quota, allowed_models, is_active, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, TRUE, $6, $6) RETURNING id");
    SELECT_TEAM = both(concat!("SELECT ", team_columns!(), " FROM teams t WHERE t.id = $1"));
    SELECT_TEAM_BY_NAME = both(concat!("SELECT ", team_columns!(), " FROM teams t WHERE t.name = $1"));
    SELECT_TEAMS = both(concat!("SELECT ", team_columns!(), " FROM teams t
        WHERE t.id > $1 AND (t.is_active = TRUE OR $2 = FALSE) ORDER BY t.id LIMIT $3"));
    SET_TEAM_ACTIVE = both("UPDATE teams SET is_active = $2, updated_at = $3 WHERE id = $1");
    INSERT_KEY = both("INSERT INTO api_keys
        (team_id, key_hash, key_prefix, name, access_level, monthly_quota_override, daily_quota_override, is_active,
         created_by, description, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, TRUE, $8, $9, $10, $11) RETURNING id");
    SELECT_KEY_BY_DIGEST = both(concat!("SELECT ", key_columns!(), "
        FROM api_keys k JOIN teams t ON t.id = k.team_id WHERE k.key_hash = $1"));
    SELECT_KEYS = both(concat!("SELECT ", key_columns!(), "
        FROM api_keys k JOIN teams t ON t.id = k.team_id WHERE k.id > $1 ORDER BY k.id LIMIT $2"));
    SELECT_KEYS_OF_TEAM = both(concat!("SELECT ", key_columns!(), "
        FROM api_keys k JOIN teams t ON t.id = k.team_id WHERE k.team_id = $1 AND k.id > $2 ORDER BY k.id LIMIT $3"));
    REVOKE_KEY = both("UPDATE api_keys SET is_active = FALSE WHERE id = $1");
    DELETE_KEY = both("DELETE FROM api_keys WHERE id = $1");
    SELECT_ANY_KEY = both("SELECT id FROM api_keys LIMIT 1");
    LOCK_FIRST_KEY = postgres("SELECT pg_advisory_xact_lock(hashtextextended('first key', 0))");
    MOVE_EPOCH = both("UPDATE node_epochs SET epoch = epoch + 1 WHERE name = 'keys'");
    SELECT_EPOCH = both("SELECT epoch FROM node_epochs WHERE name = 'keys'");
}

#[async_trait]
impl TeamStore for SqlStore {
    async fn create_team(&self, team: NewTeam, at: Timestamp) -> Result<Team> {
        self.db
            .transact("create_team", move |tx| {
                let team = team.clone();
                Box::pin(async move { insert_team(tx, team, at).await })
            })
            .await
    }

    async fn team(&self, id: TeamId) -> Result<Option<Team>> {
        self.db.fetch_optional(SELECT_TEAM, &[id.0.into()]).await?.as_ref().map(read_team).transpose()
    }

    async fn teams(&self, active_only: bool, page: PageAfter) -> Result<Vec<Team>> {
        let values = [page.after.into(), active_only.into(), page.limit.into()];
        self.db.fetch_all(SELECT_TEAMS, &values).await?.iter().map(read_team).collect()
    }

    async fn set_team_active(&self, id: TeamId, is_active: bool, at: Timestamp) -> Result<Option<Team>> {
        self.db
            .transact("set_team_active", move |tx| {
                Box::pin(async move {
                    tx.execute(SET_TEAM_ACTIVE, &[id.0.into(), is_active.into(), at.into()]).await?;
                    tx.execute(MOVE_EPOCH, &[]).await?;
                    tx.fetch_optional(SELECT_TEAM, &[id.0.into()]).await?.as_ref().map(read_team).transpose()
                })
            })
            .await
    }

    async fn create_key(&self, key: NewApiKey, at: Timestamp) -> Result<ApiKey> {
        self.db
            .transact("create_key", move |tx| {
                let key = key.clone();
                Box::pin(async move { insert_key(tx, key, at).await })
            })
            .await
    }

    async fn key_by_digest(&self, digest: &KeyDigest) -> Result<Option<KeyOwner>> {
        let found = self.db.fetch_optional(SELECT_KEY_BY_DIGEST, &[digest.to_hex().into()]).await?;
        found.as_ref().map(read_owner).transpose()
    }

    async fn keys(&self, team: Option<TeamId>, page: PageAfter) -> Result<Vec<KeyOwner>> {
        let rows = match team {
            Some(team) => {
                let values = [team.0.into(), page.after.into(), page.limit.into()];
                self.db.fetch_all(SELECT_KEYS_OF_TEAM, &values).await?
            }
            None => self.db.fetch_all(SELECT_KEYS, &[page.after.into(), page.limit.into()]).await?,
        };
        rows.iter().map(read_owner).collect()
    }

    async fn revoke_key(&self, id: ApiKeyId, _at: Timestamp) -> Result<bool> {
        self.db
            .transact("revoke_key", move |tx| {
                Box::pin(async move {
                    let revoked = tx.execute(REVOKE_KEY, &[id.0.into()]).await?;
                    tx.execute(MOVE_EPOCH, &[]).await?;
                    Ok(revoked > 0)
                })
            })
            .await
    }

    async fn delete_key(&self, id: ApiKeyId) -> Result<bool> {
        self.db
            .transact("delete_key", move |tx| {
                Box::pin(async move {
                    let deleted = tx.execute(DELETE_KEY, &[id.0.into()]).await?;
                    tx.execute(MOVE_EPOCH, &[]).await?;
                    Ok(deleted > 0)
                })
            })
            .await
    }

    async fn create_first_key(&self, team: NewTeam, key: NewApiKey, at: Timestamp) -> Result<Option<KeyOwner>> {
        self.db
            .transact("create_first_key", move |tx| {
                let (team, mut key) = (team.clone(), key.clone());
                Box::pin(async move {
                    tx.execute(LOCK_FIRST_KEY, &[]).await?;
                    if tx.fetch_optional(SELECT_ANY_KEY, &[]).await?.is_some() {
                        return Ok(None);
                    }
                    let team = match tx.fetch_optional(SELECT_TEAM_BY_NAME, &[team.name.as_str().into()]).await? {
                        Some(row) => read_team(&row)?,
                        None => insert_team(tx, team, at).await?,
                    };
                    key.team_id = team.id;
                    let key = insert_key(tx, key, at).await?;
                    Ok(Some(KeyOwner { key, team }))
                })
            })
            .await
    }

    async fn key_epoch(&self) -> Result<u64> {
        let row = self.db.fetch_optional(SELECT_EPOCH, &[]).await?;
        row.map_or(Ok(0), |row| row.count("epoch"))
    }
}

async fn insert_team(tx: &mut Tx, team: NewTeam, at: Timestamp) -> Result<Team> {
    let models = team.allowed_models.as_ref().map(|models| write_models(models)).transpose()?;
    let values: [Value; 6] = [
        team.name.as_str().into(),
        team.description.as_deref().into(),
        team.monthly_quota.into(),
        team.daily_quota.into(),
        models.into(),
        at.into(),
    ];
    let row = tx.fetch_optional(INSERT_TEAM, &values).await.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Error::new(ErrorKind::AlreadyExists, format!("there is a team called {:?} already", team.name))
        }
        _ => error,
    })?;
    let id = row.ok_or_else(|| Error::internal("a new team has no id"))?.int("id")?;
    Ok(Team::from_new(TeamId(id), team, at))
}

async fn insert_key(tx: &mut Tx, key: NewApiKey, at: Timestamp) -> Result<ApiKey> {
    let values: [Value; 11] = [
        key.team_id.0.into(),
        key.digest.to_hex().into(),
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
        ErrorKind::AlreadyExists => Error::new(ErrorKind::AlreadyExists, "this key exists already"),
        ErrorKind::NotFound => Error::new(ErrorKind::NotFound, format!("there is no team {}", key.team_id)),
        _ => error,
    })?;
    let id = row.ok_or_else(|| Error::internal("a new key has no id"))?.int("id")?;
    Ok(ApiKey::from_new(ApiKeyId(id), key, at))
}

fn read_team(row: &Row) -> Result<Team> {
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
    Ok(team)
}

fn read_owner(row: &Row) -> Result<KeyOwner> {
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
    };
    Ok(KeyOwner { key, team })
}

fn write_models(models: &[ModelId]) -> Result<String> {
    serde_json::to_string(models).map_err(|fault| Error::internal("models could not be written").with_source(fault))
}

fn read_models(json: &str) -> Result<Vec<ModelId>> {
    serde_json::from_str(json).map_err(|fault| Error::internal("stored models could not be read").with_source(fault))
}
