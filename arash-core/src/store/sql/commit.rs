//! Writes turns: a batch in one go, or turn by turn where one of them cannot be written.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
#[cfg(test)]
use crate::store::sql::batch::Batch;
use crate::store::sql::db::Tx;
use crate::store::sql::quota::take_leased;
#[cfg(test)]
use crate::store::sql::quota::{TAKE_FROM_BUCKETS, TAKE_FROM_LEASES};
use crate::store::sql::rows::{
    ADD_HOURS, ADD_USED, BatchRows, INSERT_EVENTS, INSERT_MESSAGES, INSERT_SESSIONS, INSERT_TURNS, INSERT_USAGE,
    TOUCH_KEYS, UPDATE_SESSIONS, shares_a_session,
};
use crate::store::sql::turns::find_earlier;
use crate::store::sql::value::Value;
use crate::store::sql::{SqlStore, statements};
use crate::turn::{CommitOutcome, IdempotencyKey, TurnCommit};

statements! {
    SAVE = "SAVEPOINT turn";
    KEEP = "RELEASE SAVEPOINT turn";
    UNDO = "ROLLBACK TO SAVEPOINT turn";
    DELETE_CLEARED = "DELETE FROM messages WHERE session_id = $1 AND seq <= $2";
    DELETE_EXPIRED_MESSAGES = "DELETE FROM messages WHERE session_id IN
        (SELECT id FROM sessions WHERE session_key = $1 AND expires_at <= $2)";
    DELETE_EXPIRED = "DELETE FROM sessions WHERE session_key = $1 AND expires_at <= $2";
}

/// Every statement of this file and its rows that is over many rows.
#[cfg(test)]
pub(super) const BATCHES: [&Batch; 11] = [
    &TAKE_FROM_BUCKETS,
    &TAKE_FROM_LEASES,
    &INSERT_TURNS,
    &INSERT_SESSIONS,
    &UPDATE_SESSIONS,
    &INSERT_MESSAGES,
    &INSERT_USAGE,
    &ADD_HOURS,
    &ADD_USED,
    &INSERT_EVENTS,
    &TOUCH_KEYS,
];

/// Why rows were not written.
enum Refused {
    /// A turn, or its idempotency key, is known already.
    Duplicate,
    /// A session has another version, or is there although it should not be.
    Stale,
}

impl SqlStore {
    /// Writes all turns of the batch, or nothing if one of them is a duplicate or stale.
    pub(super) async fn commit_together(&self, turns: &[TurnCommit]) -> Result<bool> {
        if shares_a_session(turns) {
            return Ok(false);
        }
        let rows = Arc::new(BatchRows::of(turns)?);
        let written = self
            .db
            .transact("commit_turns", move |tx| {
                let rows = Arc::clone(&rows);
                Box::pin(async move {
                    // The error rolls everything back; nobody but the next lines sees it.
                    let refused = |_| Error::new(ErrorKind::Conflict, "a turn of the batch was refused");
                    write(tx, &rows).await?.map_err(refused)
                })
            })
            .await;
        match written {
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            written => written.map(|()| true),
        }
    }

    /// Writes the turns of the batch one after the other, each whole or not at all, in one transaction.
    pub(super) async fn commit_singly(&self, turns: &[TurnCommit]) -> Result<Vec<CommitOutcome>> {
        let turns: Arc<[Single]> = turns.iter().map(Single::of).collect::<Result<_>>()?;
        self.db
            .transact("commit_turns_singly", move |tx| {
                let turns = Arc::clone(&turns);
                Box::pin(async move {
                    let mut outcomes = Vec::with_capacity(turns.len());
                    for turn in turns.iter() {
                        outcomes.push(turn.commit(tx).await?);
                    }
                    Ok(outcomes)
                })
            })
            .await
    }
}

/// One turn of a batch that has to be written turn by turn.
struct Single {
    id: Value,
    idempotency: Option<IdempotencyKey>,
    new_session: Option<[Value; 2]>,
    rows: BatchRows,
}

impl Single {
    fn of(turn: &TurnCommit) -> Result<Self> {
        let new_session = turn.session.as_ref().filter(|change| change.expected_version == 0);
        Ok(Self {
            id: turn.turn_id.as_uuid().into(),
            idempotency: turn.idempotency.as_ref().map(|(key, _)| key.clone()),
            new_session: new_session.map(|change| [change.key.as_str().into(), change.last_activity_at.into()]),
            rows: BatchRows::of(std::slice::from_ref(turn))?,
        })
    }

    async fn commit(&self, tx: &mut Tx) -> Result<CommitOutcome> {
        tx.execute(SAVE, &[]).await?;
        if let Some(expired) = &self.new_session {
            // A session whose time is over makes room for the new one of the same name.
            tx.execute(DELETE_EXPIRED_MESSAGES, expired).await?;
            tx.execute(DELETE_EXPIRED, expired).await?;
        }
        let written = write(tx, &self.rows).await?;
        tx.execute(if written.is_ok() { KEEP } else { UNDO }, &[]).await?;
        match written {
            Ok(()) => Ok(CommitOutcome::Committed),
            Err(Refused::Stale) => Ok(CommitOutcome::Stale),
            Err(Refused::Duplicate) => {
                let earlier = find_earlier(tx, &self.id, self.idempotency.as_ref()).await?;
                earlier.map(CommitOutcome::Duplicate).ok_or_else(|| Error::internal("an earlier turn is not there"))
            }
        }
    }
}

/// Writes rows. The statements that may refuse come first, and the caller undoes what came before a refusal.
async fn write(tx: &mut Tx, rows: &BatchRows) -> Result<Result<(), Refused>> {
    if tx.execute_many(&INSERT_TURNS, &rows.turns).await? != rows.turn_count {
        return Ok(Err(Refused::Duplicate));
    }
    if tx.execute_many(&INSERT_SESSIONS, &rows.new_sessions).await? != rows.new_session_count
        || tx.execute_many(&UPDATE_SESSIONS, &rows.sessions).await? != rows.session_count
    {
        return Ok(Err(Refused::Stale));
    }
    for cleared in &rows.cleared {
        tx.execute(DELETE_CLEARED, cleared).await?;
    }
    tx.execute_many(&INSERT_MESSAGES, &rows.messages).await?;
    tx.execute_many(&INSERT_USAGE, &rows.usage).await?;
    tx.execute_many(&ADD_HOURS, &rows.hours).await?;
    tx.execute_many(&ADD_USED, &rows.used).await?;
    for spent in rows.leased.values() {
        take_leased(tx, spent).await?;
    }
    tx.execute_many(&INSERT_EVENTS, &rows.events).await?;
    tx.execute_many(&TOUCH_KEYS, &rows.touched).await?;
    Ok(Ok(()))
}
