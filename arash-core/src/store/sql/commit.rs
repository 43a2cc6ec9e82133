//! Writes turns: a batch in one go, or in ever smaller parts where one of them cannot be written.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::error::{Error, ErrorKind, Result};
use crate::id::TurnId;
use crate::store::sql::SqlStore;
#[cfg(test)]
use crate::store::sql::batch::Batch;
use crate::store::sql::db::Tx;
use crate::store::sql::events::INSERT_EVENTS;
use crate::store::sql::message_rows::INSERT_MESSAGES;
use crate::store::sql::quota::{lock_leases, take_leased};
use crate::store::sql::rows::{
    ADD_HOURS, ADD_USED, BatchRows, END_TURNS, FREE_KEYS, INSERT_KEYS, INSERT_SESSIONS, INSERT_TURNS, INSERT_USAGE,
    KEEP_RECEIPTS, TOUCH_KEYS, UPDATE_SESSIONS, shares_a_session,
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

/// How often a turn is written whose idempotency key was taken and, when asked by whom, is free again.
const ATTEMPTS: usize = 3;

/// Why rows were not written.
enum Refused {
    /// A turn, or its idempotency key, is known already.
    Duplicate,
    /// A session has another version, or is there although it should not be.
    Stale,
}

impl SqlStore {
    /// Writes that turns have begun: all at once, or in parts if some of them are known.
    pub(super) async fn begin_turns(&self, turns: &[StartedTurn]) -> Result<Vec<BeginOutcome>> {
        let rows = Arc::new(BatchRows::of_started(turns)?);
        let written = self.together("begin_turns", move |tx| {
            let rows = Arc::clone(&rows);
            Box::pin(async move { write_turns(tx, &rows).await })
        });
        if written.await? {
            return Ok(turns.iter().map(|_| BeginOutcome::Begun).collect());
        }
        let turns: Arc<[StartedTurn]> = turns.into();
        self.db
            .transact("begin_turns_in_parts", move |tx| {
                let turns = Arc::clone(&turns);
                Box::pin(async move { begin_in_parts(tx, &turns).await })
            })
            .await
    }

    /// Writes turns whole: all at once, or in parts if some of them are duplicates or stale.
    pub(super) async fn commit_turns(&self, turns: &[TurnCommit]) -> Result<Vec<CommitOutcome>> {
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
        let turns: Arc<[TurnCommit]> = turns.into();
        self.db
            .transact("commit_turns_in_parts", move |tx| {
                let turns = Arc::clone(&turns);
                Box::pin(async move { commit_in_parts(tx, &turns).await })
            })
            .await
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
}

/// Writes the halves of turns that were refused together, each as a whole if that can be, within one transaction: a few
/// that are refused among many cost little more, however long the way to the server is.
fn begin_in_parts<'t>(tx: &'t mut Tx, turns: &'t [StartedTurn]) -> BoxFuture<'t, Result<Vec<BeginOutcome>>> {
    Box::pin(async move {
        if let [turn] = turns {
            return Ok(vec![Started::of(turn)?.begin(tx).await?]);
        }
        let mut outcomes = Vec::with_capacity(turns.len());
        for half in halves(turns) {
            if half.len() > 1 {
                let rows = BatchRows::of_started(half)?;
                tx.execute(SAVE, &[]).await?;
                if write_turns(tx, &rows).await?.is_ok() {
                    tx.execute(KEEP, &[]).await?;
                    outcomes.extend(half.iter().map(|_| BeginOutcome::Begun));
                    continue;
                }
                tx.execute(UNDO, &[]).await?;
            }
            outcomes.extend(begin_in_parts(tx, half).await?);
        }
        Ok(outcomes)
    })
}

/// The same for turns that end. Two that change one session are never written by one statement.
fn commit_in_parts<'t>(tx: &'t mut Tx, turns: &'t [TurnCommit]) -> BoxFuture<'t, Result<Vec<CommitOutcome>>> {
    Box::pin(async move {
        if let [turn] = turns {
            return Ok(vec![Single::of(turn)?.commit(tx).await?]);
        }
        let mut outcomes = Vec::with_capacity(turns.len());
        for half in halves(turns) {
            if half.len() > 1 && !shares_a_session(half) {
                let rows = BatchRows::of(half)?;
                tx.execute(SAVE, &[]).await?;
                if write(tx, &rows).await?.is_ok() {
                    tx.execute(KEEP, &[]).await?;
                    outcomes.extend(half.iter().map(|_| CommitOutcome::Committed));
                    continue;
                }
                tx.execute(UNDO, &[]).await?;
            }
            outcomes.extend(commit_in_parts(tx, half).await?);
        }
        Ok(outcomes)
    })
}

fn halves<T>(turns: &[T]) -> [&[T]; 2] {
    let (first, second) = turns.split_at(turns.len() / 2);
    [first, second]
}

/// One turn that begins, to be written by itself.
struct Started {
    id: Value,
    idempotency: Option<IdempotencyKey>,
    rows: BatchRows,
}

impl Started {
    fn of(turn: &StartedTurn) -> Result<Self> {
        let idempotency = turn.idempotency.as_ref().map(|(key, _)| key.clone());
        let rows = BatchRows::of_started(std::slice::from_ref(turn))?;
        Ok(Self { id: turn.turn_id.as_uuid().into(), idempotency, rows })
    }

    async fn begin(&self, tx: &mut Tx) -> Result<BeginOutcome> {
        for _ in 0..ATTEMPTS {
            tx.execute(SAVE, &[]).await?;
            if write_turns(tx, &self.rows).await?.is_ok() {
                tx.execute(KEEP, &[]).await?;
                return Ok(BeginOutcome::Begun);
            }
            tx.execute(UNDO, &[]).await?;
            if let Some(earlier) = find_earlier(tx, &self.id, self.idempotency.as_ref()).await? {
                return Ok(BeginOutcome::Duplicate(earlier));
            }
        }
        Err(no_earlier_turn())
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
        for _ in 0..ATTEMPTS {
            match self.write(tx).await? {
                Ok(()) => return Ok(CommitOutcome::Committed),
                Err(Refused::Stale) => return Ok(CommitOutcome::Stale),
                Err(Refused::Duplicate) => {}
            }
            if let Some(earlier) = find_earlier(tx, &self.id, self.idempotency.as_ref()).await? {
                return Ok(CommitOutcome::Duplicate(earlier));
            }
            if self.rows.ended_turn_count > 0 {
                // It was taken for lost, and that is so long ago that it is not known any more.
                return Ok(CommitOutcome::Duplicate(StoredTurn {
                    turn_id: self.turn_id,
                    state: TurnState::Interrupted,
                    request_digest: None,
                    receipt: None,
                }));
            }
        }
        Err(no_earlier_turn())
    }

    async fn write(&self, tx: &mut Tx) -> Result<Result<(), Refused>> {
        tx.execute(SAVE, &[]).await?;
        if let Some(expired) = &self.new_session {
            // A session whose time is over makes room for the new one of the same name.
            tx.execute(DELETE_EXPIRED_MESSAGES, expired).await?;
            tx.execute(DELETE_EXPIRED, expired).await?;
        }
        let written = write(tx, &self.rows).await?;
        tx.execute(if written.is_ok() { KEEP } else { UNDO }, &[]).await?;
        Ok(written)
    }
}

fn no_earlier_turn() -> Error {
    Error::internal("an earlier turn is not there")
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
