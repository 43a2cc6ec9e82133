//! Sessions that several nodes work on: who has which one.

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{SessionId, TeamId};
use crate::session::{Claim, ClaimRequest, SessionKey, SharedSessions};
use crate::store::sql::SqlStore;
use crate::store::sql::batch::{Batch, Kind};
use crate::store::sql::db::Tx;
use crate::store::sql::text::statements;
use crate::store::sql::value::{Row, Value};

// A claim that is lost with the server's power does no harm: the session's version still refuses whoever is late. So
// nobody waits for the disk.
statements! {
    CLAIM_OPEN = each(
        "UPDATE sessions SET lease_node = $2, lease_until = $4, fence = fence + 1
         WHERE session_key = $1 AND expires_at > $3
             AND (lease_until IS NULL OR lease_until <= $3 OR lease_node = $2)
         RETURNING id, version, fence",
        "UPDATE sessions SET lease_node = $2, lease_until = $4, fence = fence + 1
         FROM (SELECT set_config('synchronous_commit', 'off', true)) AS s
         WHERE session_key = $1 AND expires_at > $3
             AND (lease_until IS NULL OR lease_until <= $3 OR lease_node = $2)
         RETURNING id, version, fence"
    );
    SELECT_CLAIMED = each(
        "SELECT id, version, expires_at, lease_node, lease_until, fence FROM sessions WHERE session_key = $1",
        "SELECT id, version, expires_at, lease_node, lease_until, fence FROM sessions WHERE session_key = $1 FOR UPDATE"
    );
    DELETE_MESSAGES = both("DELETE FROM messages WHERE session_id = $1");
    DELETE_ROW = both("DELETE FROM sessions WHERE id = $1");
    // It is there for those who claim it only: everyone else takes it for expired.
    INSERT_CLAIMED = both("INSERT INTO sessions (id, session_key, platform, team_id, user_id, chat_id, version,
            lease_node, lease_until, fence, message_count, stored_messages, created_at, last_activity_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, 0, 0, $10, $10, $10) ON CONFLICT DO NOTHING");
    RELEASE = each(
        "UPDATE sessions SET lease_node = NULL, lease_until = NULL WHERE id = $1 AND fence = $2 RETURNING id",
        "UPDATE sessions SET lease_node = NULL, lease_until = NULL
         FROM (SELECT set_config('synchronous_commit', 'off', true)) AS s WHERE id = $1 AND fence = $2 RETURNING id"
    );
}

/// A session that another transaction holds is being let go, or looked at by a node that waits for it: until the next time.
pub(super) static RENEW_CLAIMS: Batch = Batch::from(
    "UPDATE sessions SET lease_until = v.column3 FROM",
    &[Kind::Uuid, Kind::Int, Kind::Int],
    "WHERE sessions.id = v.column1 AND sessions.fence = v.column2 AND sessions.lease_until IS NOT NULL",
)
.and_on_postgres(
    "AND sessions.id = ANY(ARRAY(SELECT id FROM sessions WHERE id = ANY($1) FOR NO KEY UPDATE SKIP LOCKED))",
);

#[async_trait]
impl SharedSessions for SqlStore {
    async fn claim(&self, key: &SessionKey, user_id: &str, claim: ClaimRequest) -> Result<Claim> {
        let ClaimRequest { node, now, until } = claim;
        let values = [key.as_str().into(), node.as_uuid().into(), now.into(), until.into()];
        if let Some(row) = self.db.write("claim_session", CLAIM_OPEN, &values).await?.first() {
            return held(row);
        }
        let (key, user_id) = (key.clone(), user_id.to_owned());
        self.db
            .transact("open_session", move |tx| {
                let (key, user_id) = (key.clone(), user_id.clone());
                Box::pin(async move { open(tx, &key, &user_id, claim).await })
            })
            .await
    }

    async fn renew_claims(&self, claims: &[(SessionId, i64)], until: Timestamp) -> Result<()> {
        if claims.is_empty() {
            return Ok(());
        }
        let row = |&(session, fence): &(SessionId, i64)| [session.as_uuid().into(), fence.into(), until.into()];
        let rows: std::sync::Arc<[Value]> = claims.iter().flat_map(row).collect();
        self.db
            .transact("renew_claims", move |tx| {
                let rows = std::sync::Arc::clone(&rows);
                Box::pin(async move { tx.execute_many(&RENEW_CLAIMS, &rows).await.map(drop) })
            })
            .await
    }

    async fn release(&self, session: SessionId, fence: i64) -> Result<()> {
        self.db.write("release_session", RELEASE, &[session.as_uuid().into(), fence.into()]).await.map(drop)
    }
}

fn held(row: &Row) -> Result<Claim> {
    let session = SessionId::from_uuid(row.uuid("id")?);
    Ok(Claim::Held { session, fence: row.int("fence")?, version: row.int("version")? })
}

/// Claims a session that is new or has expired: what was said in it before goes.
async fn open(tx: &mut Tx, key: &SessionKey, user_id: &str, claim: ClaimRequest) -> Result<Claim> {
    let ClaimRequest { node, now, until } = claim;
    let (mut session, mut fence) = (SessionId::new(), 1);
    if let Some(row) = tx.fetch_optional(SELECT_CLAIMED, &[key.as_str().into()]).await? {
        let is_over = row.optional_time("lease_until")?.is_none_or(|end| end <= now);
        let is_own = row.optional_uuid("lease_node")? == Some(*node.as_uuid());
        if row.time("expires_at")? > now || !(is_over || is_own) {
            // Somebody was faster.
            return Ok(Claim::Busy);
        }
        fence = row.int("fence")? + 1;
        let id = [Value::from(&row.uuid("id")?)];
        if row.int("version")? == 0 {
            session = SessionId::from_uuid(row.uuid("id")?);
        } else {
            tx.execute(DELETE_MESSAGES, &id).await?;
        }
        tx.execute(DELETE_ROW, &id).await?;
    }
    let values = [
        session.as_uuid().into(),
        key.as_str().into(),
        key.platform().into(),
        key.team().filter(|&team| team != TeamId::HOST).map(|team| team.0).into(),
        user_id.into(),
        key.chat_id().into(),
        node.as_uuid().into(),
        until.into(),
        fence.into(),
        now.into(),
    ];
    if tx.execute(INSERT_CLAIMED, &values).await? == 0 {
        return Ok(Claim::Busy);
    }
    Ok(Claim::Held { session, fence, version: 0 })
}
