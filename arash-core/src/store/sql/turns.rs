use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::TurnId;
use crate::store::sql::SqlStore;
use crate::store::sql::batch::{Batch, Kind};
use crate::store::sql::db::Tx;
use crate::store::sql::text::{Sql, statements};
use crate::store::sql::value::{Row, Value};
use crate::turn::{
    BeginOutcome, CommitOutcome, IdempotencyKey, RequestDigest, StartedTurn, StoredTurn, TurnCommit, TurnState,
    TurnStore,
};
use crate::usage::UsageRecord;
use crate::webhook::Event;

statements! {
    SELECT_TURN = both("SELECT t.id, t.state, k.request_digest, k.receipt
        FROM turns t LEFT JOIN idempotency_keys k ON k.turn_id = t.id WHERE t.id = $1");
    SELECT_TURN_BY_KEY = both("SELECT k.turn_id AS id, COALESCE(t.state, 'completed') AS state, k.request_digest,
        k.receipt FROM idempotency_keys k LEFT JOIN turns t ON t.id = k.turn_id
        WHERE k.scope = $1 AND k.idempotency_key = $2");
    SELECT_LOST = both("SELECT id, lease_until, started FROM turns WHERE state = 'started' AND lease_until <= $1
        ORDER BY lease_until LIMIT $2");
    END_ALL_LEASES = sqlite("UPDATE turns SET lease_until = $1 WHERE state = 'started' AND lease_until > $1");
    SELECT_ANY_OLD_RECEIPT = both("SELECT 1 AS one FROM idempotency_keys
        WHERE receipt IS NOT NULL AND created_at <= $1 LIMIT 1");
    FORGET_RECEIPTS = both("DELETE FROM idempotency_keys WHERE turn_id IN
        (SELECT turn_id FROM idempotency_keys WHERE receipt IS NOT NULL AND created_at <= $1
         ORDER BY created_at LIMIT 500)");
    PURGE_RECEIPTS = both("DELETE FROM idempotency_keys WHERE receipt IS NOT NULL AND created_at < $1");
    PURGE_TURNS = both("DELETE FROM turns WHERE id IN (SELECT id FROM turns ORDER BY id LIMIT 500)
        AND created_at < $1 AND state <> 'started'");
    PURGE_USAGE = both("DELETE FROM usage_logs WHERE turn_id IN
        (SELECT turn_id FROM usage_logs ORDER BY turn_id LIMIT 500) AND created_at < $1");
}

/// Puts off the end of turns that still run. One that another transaction holds is ending.
pub(super) static RENEW_TURNS: Batch = Batch::from(
    "UPDATE turns SET lease_until = v.column2, started = v.column3 FROM",
    &[Kind::Uuid, Kind::Int, Kind::Text],
    "WHERE turns.id = v.column1 AND turns.state = 'started'",
)
.and_on_postgres(
    "AND turns.id = ANY($1) AND turns.id = ANY(ARRAY(
        SELECT id FROM turns WHERE id = ANY($1) AND state = 'started' FOR NO KEY UPDATE SKIP LOCKED))",
);

/// What is kept of a turn while it runs.
#[derive(Serialize, Deserialize)]
struct Started {
    usage: UsageRecord,
    key: Option<(IdempotencyKey, Vec<u8>)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    events: Vec<Event>,
}

/// The end of a started turn's lease, and what is recorded if nobody ends it.
pub(super) fn started_row(turn: &StartedTurn) -> Result<[Value; 2]> {
    let key = turn.idempotency.as_ref().map(|(key, digest)| (key.clone(), digest.as_bytes().to_vec()));
    let started = Started { usage: turn.usage.clone(), key, events: turn.events.clone() };
    let started = serde_json::to_string(&started);
    let started = started.map_err(|fault| Error::internal("a turn could not be written").with_source(fault))?;
    Ok([turn.lease_until.into(), started.into()])
}

#[async_trait]
impl TurnStore for SqlStore {
    async fn begin(&self, turns: &[StartedTurn]) -> Result<Vec<BeginOutcome>> {
        if turns.is_empty() { Ok(Vec::new()) } else { self.begin_turns(turns).await }
    }

    async fn renew_turns(&self, turns: &[StartedTurn]) -> Result<()> {
        let mut rows = Vec::with_capacity(turns.len() * 3);
        for turn in turns {
            rows.push(turn.turn_id.as_uuid().into());
            rows.extend(started_row(turn)?);
        }
        if rows.is_empty() {
            return Ok(());
        }
        let rows: Arc<[Value]> = rows.into();
        self.db
            .transact("renew_turns", move |tx| {
                let rows = Arc::clone(&rows);
                Box::pin(async move { tx.execute_many(&RENEW_TURNS, &rows).await.map(drop) })
            })
            .await
    }

    async fn lost_turns(&self, now: Timestamp, limit: u32) -> Result<Vec<StartedTurn>> {
        let rows = self.db.fetch_all(SELECT_LOST, &[now.into(), limit.into()]).await?;
        // What another version of the program began may have to be left to that one.
        let readable = rows.iter().filter_map(|row| {
            read_started(row).inspect_err(|error| tracing::error!(error = ?error, "a lost turn cannot be read")).ok()
        });
        Ok(readable.collect())
    }

    async fn commit(&self, turns: &[TurnCommit]) -> Result<Vec<CommitOutcome>> {
        if turns.is_empty() {
            return Ok(Vec::new());
        }
        let outcomes = self.commit_turns(turns).await?;
        if turns.iter().filter_map(|turn| turn.session.as_ref()).any(|change| change.clears) {
            self.note_deletion();
        }
        Ok(outcomes)
    }

    async fn find_turn(&self, key: &IdempotencyKey) -> Result<Option<StoredTurn>> {
        let values = [key.scope().into(), key.key().into()];
        self.db.fetch_optional(SELECT_TURN_BY_KEY, &values).await?.as_ref().map(read_turn).transpose()
    }

    async fn forget_receipts(&self, until: Timestamp) -> Result<()> {
        // Some at a time, so that turns are recorded in between.
        while self.db.fetch_optional(SELECT_ANY_OLD_RECEIPT, &[until.into()]).await?.is_some() {
            self.execute("forget_receipts", FORGET_RECEIPTS, until).await?;
            self.note_deletion();
        }
        Ok(())
    }

    async fn purge_turns(&self, until: Timestamp) -> Result<()> {
        #[cfg(feature = "postgres")]
        if let Some(db) = self.db.postgres() {
            use crate::store::sql::partitions::{OF_TURNS, drop_ended};
            drop_ended(db, &OF_TURNS, until).await?;
        }
        if self.execute("purge_receipts", PURGE_RECEIPTS, until).await? > 0 {
            self.note_deletion();
        }
        for (name, sql) in [("purge_turns", PURGE_TURNS), ("purge_usage", PURGE_USAGE)] {
            // Ids grow with time: once the oldest ones hold nothing to delete, neither do those after them.
            while self.execute(name, sql, until).await? > 0 {}
        }
        Ok(())
    }
}

impl SqlStore {
    /// Runs a statement about what is older than `until`; returns how many rows it wrote.
    async fn execute(&self, name: &'static str, sql: Sql, until: Timestamp) -> Result<u64> {
        self.db.transact(name, move |tx| Box::pin(async move { tx.execute(sql, &[until.into()]).await })).await
    }
}

/// Nobody answers any of the turns that have begun.
#[cfg(feature = "sqlite")]
pub(super) async fn end_all_leases(tx: &mut Tx, now: Timestamp) -> Result<()> {
    tx.execute(END_ALL_LEASES, &[now.into()]).await.map(drop)
}

/// The turn with this id, or with this idempotency key.
pub(super) async fn find_earlier(
    tx: &mut Tx,
    id: &Value,
    idempotency: Option<&IdempotencyKey>,
) -> Result<Option<StoredTurn>> {
    if let Some(row) = tx.fetch_optional(SELECT_TURN, std::slice::from_ref(id)).await? {
        return read_turn(&row).map(Some);
    }
    let Some(key) = idempotency else {
        return Ok(None);
    };
    let found = tx.fetch_optional(SELECT_TURN_BY_KEY, &[key.scope().into(), key.key().into()]).await?;
    found.as_ref().map(read_turn).transpose()
}

fn read_turn(row: &Row) -> Result<StoredTurn> {
    Ok(StoredTurn {
        turn_id: TurnId::from_uuid(row.uuid("id")?),
        state: row.word("state", TurnState::from_name)?,
        request_digest: row.optional_bytes("request_digest")?.as_deref().and_then(RequestDigest::from_bytes),
        receipt: row.optional_text("receipt")?,
    })
}

fn read_started(row: &Row) -> Result<StartedTurn> {
    let started = row.text("started")?;
    let Started { usage, key, events } = serde_json::from_str(&started)
        .map_err(|fault| Error::internal("a turn that has begun could not be read").with_source(fault))?;
    Ok(StartedTurn {
        turn_id: TurnId::from_uuid(row.uuid("id")?),
        idempotency: key.and_then(|(key, digest)| Some((key, RequestDigest::from_bytes(&digest)?))),
        usage,
        events,
        lease_until: row.time("lease_until")?,
    })
}
