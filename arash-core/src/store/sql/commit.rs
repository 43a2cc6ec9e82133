//! Writes turns: a batch in one go, or turn by turn where one of them cannot be written.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::error::{Error, ErrorKind, Result};
use crate::id::TurnId;
use crate::store::sql::SqlStore;
#[cfg(test)]
use crate::store::sql::batch::Batch;
use crate::store::sql::db::Tx;
use crate::store::sql::quota::{lock_leases, take_leased};
use crate::store::sql::rows::{
    ADD_HOURS, ADD_USED, BatchRows, END_TURNS, FREE_KEYS, INSERT_EVENTS, INSERT_KEYS, INSERT_MESSAGES, INSERT_SESSIONS,
    INSERT_TURNS, INSERT_USAGE, KEEP_RECEIPTS, TOUCH_KEYS, UPDATE_SESSIONS, shares_a_session,
};
use crate::store::sql::text::statements;
use crate::store::sql::turns::find_earlier;
use crate::store::sql::value::Value;
use crate::turn::{BeginOutcome, CommitOutcome, IdempotencyKey, StartedTurn, StoredTurn, TurnCommit, TurnState};

statements! {
    SAVE = both("SAVEPOINT turn");
    KEEP = both("RELEASE SAVEPOINT turn");
    UNDO = both("ROLLBACK TO SAVEPOINT turn");
    DELETE_CLEARED = both("DELETE FROM messages WHERE session_id = $1 AND seq <= $2");
    DELETE_EXPIRED_MESSAGES = both("DELETE FROM messages WHERE session_id IN
        (SELECT id FROM sessions WHERE session_key = $1 AND expires_at <= $2)");
    DELETE_EXPIRED = both("DELETE FROM sessions WHERE session_key = $1 AND expires_at <= $2");
}

/// Every statement of this file and its rows that is over many rows.
#[cfg(test)]
pub(super) const BATCHES: [&Batch; 13] = [
    &INSERT_TURNS,
    &END_TURNS,
    &INSERT_KEYS,
    &KEEP_RECEIPTS,
    &FREE_KEYS,
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
    /// Writes that turns have begun: all at once, or one by one if some of them are known.
    pub(super) async fn begin_turns(&self, turns: &[StartedTurn]) -> Result<Vec<BeginOutcome>> {
        let mut rows = BatchRows::default();
        for turn in turns {
            rows.add_started(turn)?;
        }
        let rows = Arc::new(rows);
        let written = self.together("begin_turns", move |tx| {
            let rows = Arc::clone(&rows);
            Box::pin(async move { write_turns(tx, &rows).await })
        });
        if written.await? {
            return Ok(turns.iter().map(|_| BeginOutcome::Begun).collect());
        }
        let turns: Arc<[Started]> = turns.iter().map(Started::of).collect::<Result<_>>()?;
        self.db
            .transact("begin_turns_singly", move |tx| {
                let turns = Arc::clone(&turns);
                Box::pin(async move {
                    let mut outcomes = Vec::with_capacity(turns.len());
                    for turn in turns.iter() {
                        outcomes.push(turn.begin(tx).await?);
                    }
                    Ok(outcomes)
                })
            })
            .await
    }

    /// Writes turns whole: all at once, or one by one if some of them are duplicates or stale.
    pub(super) async fn commit_turns(&self, turns: &[TurnCommit]) -> Result<Vec<CommitOutcome>> {
        if turns.iter().filter_map(|turn| turn.session.as_ref()).any(|change| change.clears) {
            self.note_deletion();
        }
        if !shares_a_session(turns) {
            let rows = Arc::new(BatchRows::of(turns)?);
            let written = self.together("commit_turns", move |tx| {
                let rows = Arc::clone(&rows);
                Box::pin(async move { write(tx, &rows).await })
            });
            if written.await? {
                return Ok(turns.iter().map(|_| CommitOutcome::Committed).collect());
            }
        }
        self.commit_singly(turns).await
    }

    /// Writes all of a batch; `false`, and nothing written, when some of it is refused.
    async fn together<F>(&self, name: &'static str, mut write: F) -> Result<bool>
    where
        F: for<'t> FnMut(&'t mut Tx) -> BoxFuture<'t, Result<Result<(), Refused>>> + Send + 'static,
    {
        let written = self.db.transact(name, move |tx| {
            let writing = write(tx);
            // The error rolls everything back; nobody but the next lines sees it.
            Box::pin(async move {
                writing.await?.map_err(|_| Error::new(ErrorKind::Conflict, "a turn of the batch was refused"))
            })
        });
        match written.await {
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            written => written.map(|()| true),
        }
    }

    /// Writes the turns of the batch one after the other, each whole or not at all, in one transaction.
    async fn commit_singly(&self, turns: &[TurnCommit]) -> Result<Vec<CommitOutcome>> {
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

/// One turn that begins, to be written by itself.
struct Started {
    id: Value,
    idempotency: Option<IdempotencyKey>,
    rows: BatchRows,
}

impl Started {
    fn of(turn: &StartedTurn) -> Result<Self> {
        let mut rows = BatchRows::default();
        rows.add_started(turn)?;
        let idempotency = turn.idempotency.as_ref().map(|(key, _)| key.clone());
        Ok(Self { id: turn.turn_id.as_uuid().into(), idempotency, rows })
    }

    async fn begin(&self, tx: &mut Tx) -> Result<BeginOutcome> {
        tx.execute(SAVE, &[]).await?;
        if write_turns(tx, &self.rows).await?.is_ok() {
            tx.execute(KEEP, &[]).await?;
            return Ok(BeginOutcome::Begun);
        }
        tx.execute(UNDO, &[]).await?;
        let earlier = find_earlier(tx, &self.id, self.idempotency.as_ref()).await?;
        earlier.map(BeginOutcome::Duplicate).ok_or_else(|| Error::internal("an earlier turn is not there"))
    }
}

/// One turn of a batch that has to be written turn by turn.
struct Single {
    turn_id: TurnId,
    id: Value,
    idempotency: Option<IdempotencyKey>,
    new_session: Option<[Value; 2]>,
    rows: BatchRows,
}

impl Single {
    fn of(turn: &TurnCommit) -> Result<Self> {
        let new_session = turn.session.as_ref().filter(|change| change.expected_version == 0 && change.fence == 0);
        Ok(Self {
            turn_id: turn.turn_id,
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
                let earlier = match find_earlier(tx, &self.id, self.idempotency.as_ref()).await? {
                    Some(earlier) => earlier,
                    // It was taken for lost, and that is so long ago that it is not known any more.
                    None if self.rows.ended_turn_count > 0 => StoredTurn {
                        turn_id: self.turn_id,
                        state: TurnState::Interrupted,
                        request_digest: None,
                        receipt: None,
                    },
                    None => return Err(Error::internal("an earlier turn is not there")),
                };
                Ok(CommitOutcome::Duplicate(earlier))
            }
        }
    }
}

/// Writes turns that begin and end, and their idempotency keys.
async fn write_turns(tx: &mut Tx, rows: &BatchRows) -> Result<Result<(), Refused>> {
    if tx.execute_many(&INSERT_TURNS, &rows.new_turns).await? != rows.new_turn_count
        || tx.execute_many(&END_TURNS, &rows.ended_turns).await? != rows.ended_turn_count
        || tx.execute_many(&INSERT_KEYS, &rows.new_keys).await? != rows.new_key_count
    {
        return Ok(Err(Refused::Duplicate));
    }
    tx.execute_many(&KEEP_RECEIPTS, &rows.receipts).await?;
    tx.execute_many(&FREE_KEYS, &rows.freed_keys).await?;
    Ok(Ok(()))
}

/// Writes rows. The statements that may refuse come first, and the caller undoes what came before a refusal.
async fn write(tx: &mut Tx, rows: &BatchRows) -> Result<Result<(), Refused>> {
    if let Err(refused) = write_turns(tx, rows).await? {
        return Ok(Err(refused));
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
    for spent in rows.leased.values() {
        lock_leases(tx, spent).await?;
    }
    tx.execute_many(&ADD_USED, &rows.used).await?;
    for spent in rows.leased.values() {
        take_leased(tx, spent).await?;
    }
    tx.execute_many(&INSERT_EVENTS, &rows.events).await?;
    tx.execute_many(&TOUCH_KEYS, &rows.touched).await?;
    Ok(Ok(()))
}
