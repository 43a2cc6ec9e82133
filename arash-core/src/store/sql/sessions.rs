use async_trait::async_trait;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{SessionId, TeamId};
use crate::platform::ModelId;
use crate::session::{
    History, MessagePage, Session, SessionCounts, SessionFilter, SessionGroup, SessionKey, SessionPage, SessionStore,
    SessionSummary, SharedSessions, StoredMessage,
};
use crate::store::sql::SqlStore;
use crate::store::sql::batch::{Batch, Kind};
use crate::store::sql::message_rows::{read_message, read_stored_message};
use crate::store::sql::text::{Dialect, statements};
use crate::store::sql::value::{Row, Value};

macro_rules! session_columns {
    () => {
        "id, session_key, platform, team_id, user_id, chat_id, current_model, version, message_count, stored_messages,
         created_at, last_activity_at, expires_at"
    };
}

statements! {
    SELECT_SESSION = both(concat!("SELECT ", session_columns!(), " FROM sessions WHERE session_key = $1 AND expires_at > $2"));
    SELECT_MESSAGES = both("SELECT seq, turn_id, role, content, attachments, tool_calls, tool_call_id, created_at
        FROM messages WHERE session_id = $1 AND seq <= $2 ORDER BY seq DESC LIMIT $3");
    SELECT_SESSIONS = both(concat!("SELECT ", session_columns!(), " FROM sessions
        WHERE (last_activity_at, id) < ($1, $2) AND expires_at > $3 AND (CAST($4 AS TEXT) IS NULL OR platform = $4)
        ORDER BY last_activity_at DESC, id DESC LIMIT $5"));
    SELECT_SESSIONS_OF_TEAM = both(concat!("SELECT ", session_columns!(), " FROM sessions
        WHERE team_id = $6 AND (last_activity_at, id) < ($1, $2) AND expires_at > $3 AND (CAST($4 AS TEXT) IS NULL OR platform = $4)
        ORDER BY last_activity_at DESC, id DESC LIMIT $5"));
    COUNT_SESSIONS = both("SELECT platform, COUNT(*) AS total,
        COUNT(CASE WHEN last_activity_at >= $1 THEN 1 END) AS active
        FROM sessions WHERE expires_at > $2 AND (CAST($3 AS TEXT) IS NULL OR platform = $3) GROUP BY platform");
    COUNT_SESSIONS_OF_TEAM = both("SELECT platform, COUNT(*) AS total,
        COUNT(CASE WHEN last_activity_at >= $1 THEN 1 END) AS active
        FROM sessions WHERE team_id = $4 AND expires_at > $2 AND (CAST($3 AS TEXT) IS NULL OR platform = $3) GROUP BY platform");
    GROUP_SESSIONS = both("SELECT platform, COUNT(*) AS sessions, team_id, current_model,
        CAST(SUM(message_count) AS BIGINT) AS messages, COUNT(CASE WHEN last_activity_at >= $1 THEN 1 END) AS active
        FROM sessions WHERE expires_at > $2 GROUP BY platform, team_id, current_model");
    // What comes of an attempt is written under the lock of its event: either before this, or not at all.
    LOCK_EVENTS_OF_KEY = postgres("SELECT id FROM outbox WHERE session_key = $1 ORDER BY id FOR UPDATE");
    DELETE_ATTEMPTS_OF_KEY = both("DELETE FROM deliveries WHERE outbox_id IN
        (SELECT id FROM outbox WHERE session_key = $1)");
    DELETE_EVENTS_OF_KEY = both("DELETE FROM outbox WHERE session_key = $1");
    DELETE_REPLIES_OF_KEY = both("DELETE FROM idempotency_keys WHERE session_key = $1 AND receipt IS NOT NULL");
    DELETE_MESSAGES_OF_KEY = both("DELETE FROM messages WHERE session_id IN
        (SELECT id FROM sessions WHERE session_key = $1)");
    DELETE_SESSION = both("DELETE FROM sessions WHERE session_key = $1 RETURNING expires_at");
    SELECT_EXPIRED = each(
        "SELECT id FROM sessions WHERE expires_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
         ORDER BY expires_at, id LIMIT $2",
        "SELECT id FROM sessions WHERE expires_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
         ORDER BY expires_at, id LIMIT $2 FOR UPDATE SKIP LOCKED"
    );
}

/// What was said in these sessions.
static DELETE_MESSAGES: Batch =
    Batch::from("DELETE FROM messages WHERE session_id IN (SELECT v.column1 FROM", &[Kind::Uuid], ")");
static DELETE_SESSIONS: Batch =
    Batch::from("DELETE FROM sessions WHERE id IN (SELECT v.column1 FROM", &[Kind::Uuid], ")");

/// Every statement of this file that is over many rows.
#[cfg(test)]
pub(super) const BATCHES: [&Batch; 2] = [&DELETE_MESSAGES, &DELETE_SESSIONS];

#[async_trait]
impl SessionStore for SqlStore {
    fn shared(&self) -> Option<&dyn SharedSessions> {
        match self.db.dialect() {
            Dialect::Sqlite => None,
            Dialect::Postgres => Some(self),
        }
    }

    async fn load(&self, key: &SessionKey, window: usize, now: Timestamp) -> Result<Option<Session>> {
        let Some(row) = self.db.fetch_optional(SELECT_SESSION, &[key.as_str().into(), now.into()]).await? else {
            return Ok(None);
        };
        let SessionSummary {
            id,
            key,
            team_id,
            user_id,
            model,
            message_count,
            stored_messages,
            created_at,
            last_activity_at,
        } = read_summary(&row)?;
        let version = row.int("version")?;
        let history = if window == 0 {
            History::default()
        } else {
            let values = [id.as_uuid().into(), version.into(), Value::from(window as u64)];
            let rows = self.db.fetch_all(SELECT_MESSAGES, &values).await?;
            History::new(rows.iter().rev().map(read_message).collect::<Result<Vec<_>>>()?)
        };
        Ok(Some(Session {
            id,
            key,
            team_id,
            user_id,
            model,
            version,
            fence: 0,
            message_count,
            stored_messages,
            created_at,
            last_activity_at,
            expires_at: row.time("expires_at")?,
            history,
        }))
    }

    async fn messages(
        &self,
        key: &SessionKey,
        page: MessagePage,
        now: Timestamp,
    ) -> Result<Option<Vec<StoredMessage>>> {
        let Some(row) = self.db.fetch_optional(SELECT_SESSION, &[key.as_str().into(), now.into()]).await? else {
            return Ok(None);
        };
        let (id, version) = (row.uuid("id")?, row.int("version")?);
        // What comes later belongs to turns that are written just now.
        let last = page.before.map_or(version, |before| version.min(before.saturating_sub(1)));
        let rows = self.db.fetch_all(SELECT_MESSAGES, &[(&id).into(), last.into(), page.limit.into()]).await?;
        rows.iter().map(read_stored_message).collect::<Result<_>>().map(Some)
    }

    async fn sessions(&self, filter: &SessionFilter, page: SessionPage, now: Timestamp) -> Result<Vec<SessionSummary>> {
        let newest = (Timestamp::from_millis(i64::MAX), SessionId::from_uuid(Uuid::max()));
        let (activity, id) = page.before.unwrap_or(newest);
        let mut values = vec![
            activity.into(),
            id.as_uuid().into(),
            now.into(),
            filter.platform.as_deref().into(),
            page.limit.into(),
        ];
        let sql = match filter.team {
            Some(team) => {
                values.push(team.0.into());
                SELECT_SESSIONS_OF_TEAM
            }
            None => SELECT_SESSIONS,
        };
        self.db.fetch_all(sql, &values).await?.iter().map(read_summary).collect()
    }

    async fn count_sessions(
        &self,
        filter: &SessionFilter,
        active_since: Timestamp,
        now: Timestamp,
    ) -> Result<SessionCounts> {
        let mut values = vec![active_since.into(), now.into(), filter.platform.as_deref().into()];
        let sql = match filter.team {
            Some(team) => {
                values.push(team.0.into());
                COUNT_SESSIONS_OF_TEAM
            }
            None => COUNT_SESSIONS,
        };
        let mut counts = SessionCounts::default();
        for row in self.db.fetch_all(sql, &values).await? {
            let total = row.count("total")?;
            counts.total += total;
            counts.active += row.count("active")?;
            counts.by_platform.insert(row.text("platform")?, total);
        }
        Ok(counts)
    }

    async fn session_groups(&self, active_since: Timestamp, now: Timestamp) -> Result<Vec<SessionGroup>> {
        self.db.fetch_all(GROUP_SESSIONS, &[active_since.into(), now.into()]).await?.iter().map(read_group).collect()
    }

    async fn delete_session(&self, key: &SessionKey, now: Timestamp) -> Result<bool> {
        let key: Value = key.as_str().into();
        let deleted = self
            .db
            .transact("delete_session", move |tx| {
                let key = [key.clone()];
                Box::pin(async move {
                    tx.execute(LOCK_EVENTS_OF_KEY, &key).await?;
                    tx.execute(DELETE_ATTEMPTS_OF_KEY, &key).await?;
                    tx.execute(DELETE_EVENTS_OF_KEY, &key).await?;
                    tx.execute(DELETE_REPLIES_OF_KEY, &key).await?;
                    tx.execute(DELETE_MESSAGES_OF_KEY, &key).await?;
                    // An expired one goes too, but to the caller it was gone before.
                    match tx.fetch_optional(DELETE_SESSION, &key).await? {
                        Some(row) => Ok(row.time("expires_at")? > now),
                        None => Ok(false),
                    }
                })
            })
            .await?;
        self.note_deletion();
        Ok(deleted)
    }

    async fn purge_expired(&self, now: Timestamp, limit: u32) -> Result<u64> {
        let purged = self
            .db
            .transact("purge_expired", move |tx| {
                Box::pin(async move {
                    // Named once: which sessions have expired may be another answer from one statement to the next.
                    let rows = tx.fetch_all(SELECT_EXPIRED, &[now.into(), limit.into()]).await?;
                    let ids: Vec<Value> =
                        rows.iter().map(|row| Ok(Value::from(&row.uuid("id")?))).collect::<Result<_>>()?;
                    tx.execute_many(&DELETE_MESSAGES, &ids).await?;
                    tx.execute_many(&DELETE_SESSIONS, &ids).await
                })
            })
            .await?;
        if purged > 0 {
            self.note_deletion();
        }
        Ok(purged)
    }
}

fn read_summary(row: &Row) -> Result<SessionSummary> {
    let team_id = row.optional_int("team_id")?.map(TeamId);
    let (platform, chat_id, text) = (row.text("platform")?, row.text("chat_id")?, row.text("session_key")?);
    let public = SessionKey::public(&platform, &chat_id);
    let key = if public.as_str() == text {
        public
    } else {
        SessionKey::private(&platform, team_id.unwrap_or(TeamId::HOST), &chat_id)
    };
    Ok(SessionSummary {
        id: SessionId::from_uuid(row.uuid("id")?),
        key,
        team_id,
        user_id: row.text("user_id")?,
        model: row.optional_text("current_model")?.map(ModelId::new),
        message_count: row.count("message_count")?,
        stored_messages: row.count("stored_messages")?,
        created_at: row.time("created_at")?,
        last_activity_at: row.time("last_activity_at")?,
    })
}

fn read_group(row: &Row) -> Result<SessionGroup> {
    Ok(SessionGroup {
        platform: row.text("platform")?,
        team: row.optional_int("team_id")?.map(TeamId),
        model: row.optional_text("current_model")?.map(ModelId::new),
        sessions: row.count("sessions")?,
        messages: row.count("messages")?,
        active: row.count("active")?,
    })
}
