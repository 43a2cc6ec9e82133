use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{ApiKeyId, TeamId};
use crate::store::sql::SqlStore;
use crate::store::sql::audit::{entries, insert_entry};
use crate::store::sql::db::Tx;
use crate::store::sql::events::{Origin, insert_event};
use crate::store::sql::receipts::{earlier, record};
use crate::store::sql::team_rows::{
    insert_key, insert_team, lock_key, lock_team, read_owner, read_team, select_keys, team_columns, write_key,
    write_rotation, write_team,
};
use crate::store::sql::text::statements;
use crate::team::{
    AuditEntry, AuditPage, ChangeContext, Changed, KeyChange, KeyDigest, KeyMatch, KeyOwner, KeyRotation, NewApiKey,
    NewTeam, PageAfter, Team, TeamChange, TeamStore, no_such_team,
};
use crate::webhook::{Event, order_of_key};

statements! {
    SELECT_TEAM = both(concat!("SELECT ", team_columns!(), " FROM teams t WHERE t.id = $1"));
    SELECT_TEAM_BY_NAME = both(concat!("SELECT ", team_columns!(), " FROM teams t WHERE t.name = $1"));
    SELECT_TEAMS = both(concat!("SELECT ", team_columns!(), " FROM teams t
        WHERE t.id > $1 AND (t.is_active = TRUE OR $2 = FALSE) ORDER BY t.id LIMIT $3"));
    SELECT_KEY = both(concat!(select_keys!(), "WHERE k.id = $1"));
    SELECT_KEY_BY_DIGEST = both(concat!(select_keys!("k.key_hash = $1 AS is_present, "),
        "WHERE k.key_hash = $1 OR k.previous_hash = $1"));
    SELECT_KEYS = both(concat!(select_keys!(), "WHERE k.id > $1 ORDER BY k.id LIMIT $2"));
    SELECT_KEYS_OF_TEAM = both(concat!(select_keys!(), "WHERE k.team_id = $1 AND k.id > $2 ORDER BY k.id LIMIT $3"));
    DELETE_KEY = both("DELETE FROM api_keys WHERE id = $1");
    SELECT_ANY_KEY = both("SELECT id FROM api_keys LIMIT 1");
    LOCK_FIRST_KEY = postgres("SELECT pg_advisory_xact_lock(hashtextextended('first key', 0))");
    MOVE_EPOCH = both("UPDATE node_epochs SET epoch = epoch + 1 WHERE name = 'keys'");
    SELECT_EPOCH = both("SELECT epoch FROM node_epochs WHERE name = 'keys'");
}

/// What is cached of keys and their teams is over.
pub(super) async fn move_epoch(tx: &mut Tx) -> Result<()> {
    tx.execute(MOVE_EPOCH, &[]).await.map(drop)
}

#[async_trait]
impl TeamStore for SqlStore {
    async fn create_team(&self, team: NewTeam, by: &ChangeContext) -> Result<Changed<Team>> {
        let by = by.clone();
        self.db
            .transact("create_team", move |tx| {
                let (team, by) = (team.clone(), by.clone());
                Box::pin(async move {
                    if let Some(earlier) = earlier(tx, &by).await? {
                        return Ok(earlier);
                    }
                    let team = insert_team(tx, team, by.at).await?;
                    record(tx, &AuditEntry::created(&team, &by), &by, team).await
                })
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

    async fn update_team(&self, id: TeamId, change: TeamChange, by: &ChangeContext) -> Result<Team> {
        let by = by.clone();
        self.db
            .transact("update_team", move |tx| {
                let (change, by) = (change.clone(), by.clone());
                Box::pin(async move {
                    let before = lock_team(tx, id).await?;
                    let Some((after, entry)) = change.on(&before, &by)? else { return Ok(before) };
                    write_team(tx, &after).await?;
                    insert_entry(tx, &entry).await?;
                    move_epoch(tx).await?;
                    Ok(after)
                })
            })
            .await
    }

    async fn create_key(&self, key: NewApiKey, by: &ChangeContext) -> Result<Changed<KeyOwner>> {
        let by = by.clone();
        self.db
            .transact("create_key", move |tx| {
                let (key, by) = (key.clone(), by.clone());
                Box::pin(async move {
                    if let Some(earlier) = earlier(tx, &by).await? {
                        return Ok(earlier);
                    }
                    let team = tx.fetch_optional(SELECT_TEAM, &[key.team_id.0.into()]).await?;
                    let team = read_team(&team.ok_or_else(|| no_such_team(key.team_id))?)?;
                    let key = insert_key(tx, key, by.at).await?;
                    tell_of_key(tx, key.id, Event::key_created(&team, &key, by.at)?, by.at).await?;
                    record(tx, &AuditEntry::created(&key, &by), &by, KeyOwner { key, team }).await
                })
            })
            .await
    }

    async fn key(&self, id: ApiKeyId) -> Result<Option<KeyOwner>> {
        self.db.fetch_optional(SELECT_KEY, &[id.0.into()]).await?.as_ref().map(read_owner).transpose()
    }

    async fn key_by_digest(&self, digest: &KeyDigest) -> Result<Option<KeyMatch>> {
        let found = self.db.fetch_optional(SELECT_KEY_BY_DIGEST, &[digest.to_hex().into()]).await?;
        let Some(row) = found else { return Ok(None) };
        let owner = read_owner(&row)?;
        Ok(Some(if row.flag("is_present")? { KeyMatch::present(owner) } else { KeyMatch::previous(owner) }))
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

    async fn update_key(&self, id: ApiKeyId, change: KeyChange, by: &ChangeContext) -> Result<KeyOwner> {
        let by = by.clone();
        self.db
            .transact("update_key", move |tx| {
                let (change, by) = (change.clone(), by.clone());
                Box::pin(async move {
                    let before = lock_key(tx, id).await?;
                    let Some((key, entry)) = change.on(&before.key, &by)? else { return Ok(before) };
                    write_key(tx, &key).await?;
                    let revoked = Event::key_revoked(&before.team, &before.key, Some(&key), by.at)?;
                    tell_of_key(tx, key.id, revoked, by.at).await?;
                    insert_entry(tx, &entry).await?;
                    move_epoch(tx).await?;
                    Ok(KeyOwner { key, ..before })
                })
            })
            .await
    }

    async fn rotate_key(&self, id: ApiKeyId, rotation: KeyRotation, by: &ChangeContext) -> Result<Changed<KeyOwner>> {
        let by = by.clone();
        self.db
            .transact("rotate_key", move |tx| {
                let (rotation, by) = (rotation.clone(), by.clone());
                Box::pin(async move {
                    if let Some(earlier) = earlier(tx, &by).await? {
                        return Ok(earlier);
                    }
                    let before = lock_key(tx, id).await?;
                    let (key, entry) = rotation.on(&before.key, &by)?;
                    write_rotation(tx, &key, &rotation).await?;
                    let rotated = record(tx, &entry, &by, KeyOwner { key, ..before }).await?;
                    move_epoch(tx).await?;
                    Ok(rotated)
                })
            })
            .await
    }

    async fn delete_key(&self, id: ApiKeyId, by: &ChangeContext) -> Result<()> {
        let by = by.clone();
        self.db
            .transact("delete_key", move |tx| {
                let by = by.clone();
                Box::pin(async move {
                    let KeyOwner { key, team } = lock_key(tx, id).await?;
                    by.actor.require_over(&key)?;
                    tx.execute(DELETE_KEY, &[id.0.into()]).await?;
                    tell_of_key(tx, key.id, Event::key_revoked(&team, &key, None, by.at)?, by.at).await?;
                    insert_entry(tx, &AuditEntry::deleted(&key, &by)).await?;
                    move_epoch(tx).await
                })
            })
            .await
    }

    async fn create_first_key(&self, team: NewTeam, key: NewApiKey, by: &ChangeContext) -> Result<Option<KeyOwner>> {
        let by = by.clone();
        self.db
            .transact("create_first_key", move |tx| {
                let (team, mut key, by) = (team.clone(), key.clone(), by.clone());
                Box::pin(async move {
                    tx.execute(LOCK_FIRST_KEY, &[]).await?;
                    if tx.fetch_optional(SELECT_ANY_KEY, &[]).await?.is_some() {
                        return Ok(None);
                    }
                    let named = tx.fetch_optional(SELECT_TEAM_BY_NAME, &[team.name.as_str().into()]).await?;
                    let team = if let Some(row) = named {
                        read_team(&row)?
                    } else {
                        let team = insert_team(tx, team, by.at).await?;
                        insert_entry(tx, &AuditEntry::created(&team, &by)).await?;
                        team
                    };
                    key.team_id = team.id;
                    let key = insert_key(tx, key, by.at).await?;
                    tell_of_key(tx, key.id, Event::key_created(&team, &key, by.at)?, by.at).await?;
                    insert_entry(tx, &AuditEntry::created(&key, &by)).await?;
                    Ok(Some(KeyOwner { key, team }))
                })
            })
            .await
    }

    async fn key_epoch(&self) -> Result<u64> {
        let row = self.db.fetch_optional(SELECT_EPOCH, &[]).await?;
        row.map_or(Ok(0), |row| row.count("epoch"))
    }

    async fn audit_log(&self, team: Option<TeamId>, page: AuditPage) -> Result<Vec<AuditEntry>> {
        entries(&self.db, team, page).await
    }
}

/// Writes what a team is told of a key, if it is.
async fn tell_of_key(tx: &mut Tx, id: ApiKeyId, event: Option<Event>, at: Timestamp) -> Result<()> {
    insert_event(tx, event, Origin::ordered_by(&order_of_key(id)), at).await
}
