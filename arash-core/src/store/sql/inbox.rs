use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{BotId, UpdateId};
use crate::inbox::{ForgottenUpdates, InboxStore, InboxUpdate, NewUpdate, UpdateLease};
use crate::store::Durability;
use crate::store::sql::SqlStore;
use crate::store::sql::batch::{Batch, Kind};
use crate::store::sql::db::Tx;
use crate::store::sql::text::{Sql, statements};
use crate::store::sql::value::{Row, Value};

/// The waiting updates of the bot `$1` with the numbers in the JSON array `$2`.
macro_rules! named {
    (sqlite) => {
        "bot_id = $1 AND update_id IN (SELECT value FROM json_each($2)) AND state = 'waiting'"
    };
    // Several nodes lock them in one order.
    (postgres) => {
        "bot_id = $1 AND update_id = ANY(ARRAY(SELECT update_id FROM telegram_inbox
            WHERE bot_id = $1 AND state = 'waiting' AND update_id = ANY(ARRAY(
                SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($2 AS JSON)) AS value))
            ORDER BY update_id FOR NO KEY UPDATE))"
    };
}

statements! {
    INSERT_UPDATE = both("INSERT INTO telegram_inbox (bot_id, update_id, payload, received_at, lease_until)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING");
    END_LEASES = each(
        "UPDATE telegram_inbox SET lease_until = NULL WHERE bot_id = $1 AND lease_until <= $2",
        "UPDATE telegram_inbox SET lease_until = NULL
         WHERE bot_id = $1 AND update_id = ANY(ARRAY(SELECT update_id FROM telegram_inbox
             WHERE bot_id = $1 AND lease_until <= $2 FOR NO KEY UPDATE SKIP LOCKED))",
    );
    END_ALL_LEASES = sqlite("UPDATE telegram_inbox INDEXED BY telegram_inbox_leased SET lease_until = NULL
        WHERE lease_until IS NOT NULL");
    // The indexes are named where SQLite would rather go through what is done, which the primary key leads to as well.
    CLAIM = each(
        "UPDATE telegram_inbox SET lease_until = $2, attempts = attempts + 1
         WHERE bot_id = $1 AND update_id IN (SELECT update_id FROM telegram_inbox INDEXED BY telegram_inbox_waiting
             WHERE bot_id = $1 AND state = 'waiting' AND lease_until IS NULL ORDER BY update_id LIMIT $3)
         RETURNING update_id, payload, progress, attempts",
        "UPDATE telegram_inbox SET lease_until = $2, attempts = attempts + 1
         WHERE bot_id = $1 AND update_id = ANY(ARRAY(SELECT update_id FROM telegram_inbox
             WHERE bot_id = $1 AND state = 'waiting' AND lease_until IS NULL ORDER BY update_id LIMIT $3
             FOR NO KEY UPDATE SKIP LOCKED))
         RETURNING update_id, payload, progress, attempts",
    );
    RENEW = each(
        concat!("UPDATE telegram_inbox SET lease_until = $3 WHERE lease_until IS NOT NULL AND ", named!(sqlite)),
        concat!("UPDATE telegram_inbox SET lease_until = $3 WHERE lease_until IS NOT NULL AND ", named!(postgres)),
    );
    NOTE = both("UPDATE telegram_inbox SET progress = $3 WHERE bot_id = $1 AND update_id = $2 AND state = 'waiting'");
    RELEASE = each(
        concat!("UPDATE telegram_inbox SET lease_until = NULL WHERE ", named!(sqlite)),
        concat!("UPDATE telegram_inbox SET lease_until = NULL WHERE ", named!(postgres)),
    );
    FINISH = each(
        concat!("UPDATE telegram_inbox SET state = 'done', payload = NULL, progress = NULL, lease_until = NULL
         WHERE ", named!(sqlite)),
        concat!("UPDATE telegram_inbox SET state = 'done', payload = NULL, progress = NULL, lease_until = NULL
         WHERE ", named!(postgres)),
    );
    COUNT_WAITING = each(
        "SELECT (SELECT COUNT(*) FROM telegram_inbox INDEXED BY telegram_inbox_waiting
                 WHERE bot_id = $1 AND state = 'waiting' AND lease_until IS NULL)
             + (SELECT COUNT(*) FROM telegram_inbox INDEXED BY telegram_inbox_leased
                 WHERE bot_id = $1 AND lease_until IS NOT NULL) AS waiting",
        "SELECT (SELECT COUNT(*) FROM telegram_inbox WHERE bot_id = $1 AND state = 'waiting' AND lease_until IS NULL)
             + (SELECT COUNT(*) FROM telegram_inbox WHERE bot_id = $1 AND lease_until IS NOT NULL) AS waiting",
    );
    SELECT_OLD = each(
        "SELECT bot_id, update_id, state FROM telegram_inbox WHERE received_at < $1 ORDER BY received_at LIMIT $2",
        "SELECT bot_id, update_id, state FROM telegram_inbox WHERE received_at < $1 ORDER BY received_at LIMIT $2
         FOR UPDATE SKIP LOCKED",
    );
}

static DELETE: Batch = Batch::from(
    "DELETE FROM telegram_inbox WHERE (bot_id, update_id) IN (SELECT v.column1, v.column2 FROM",
    &[Kind::Int, Kind::Int],
    ")",
);

/// Every statement of this file that is over many rows.
#[cfg(test)]
pub(super) const BATCHES: [&Batch; 1] = [&DELETE];

#[async_trait]
impl InboxStore for SqlStore {
    async fn receive_updates(&self, bot: BotId, updates: &[NewUpdate], lease: UpdateLease) -> Result<Vec<UpdateId>> {
        let mut updates = updates.to_vec();
        // In one order, so that no two nodes wait for each other. Of several with one number, the first stays the first.
        updates.sort_by_key(|update| update.id);
        let updates: Arc<[NewUpdate]> = updates.into();
        self.db
            .transact("receive_updates", move |tx| {
                let updates = Arc::clone(&updates);
                Box::pin(async move { receive(tx, bot, &updates, lease).await })
            })
            .await
    }

    async fn claim_updates(&self, bot: BotId, lease: UpdateLease, limit: u32) -> Result<Vec<InboxUpdate>> {
        // A claim that is lost with the machine's power is made anew.
        self.db
            .transact_with(Durability::Process, "claim_updates", move |tx| Box::pin(claim(tx, bot, lease, limit)))
            .await
    }

    async fn renew_updates(&self, bot: BotId, ids: &[UpdateId], until: Timestamp) -> Result<()> {
        let values = vec![bot.0.into(), numbers(ids), until.into()];
        self.change(Durability::Process, "renew_updates", RENEW, values).await.map(drop)
    }

    async fn note_progress(&self, bot: BotId, id: UpdateId, progress: &str) -> Result<()> {
        let values = vec![bot.0.into(), id.0.into(), progress.into()];
        self.change(Durability::Full, "note_progress", NOTE, values).await.map(drop)
    }

    async fn release_updates(&self, bot: BotId, ids: &[UpdateId]) -> Result<()> {
        let values = vec![bot.0.into(), numbers(ids)];
        self.change(Durability::Process, "release_updates", RELEASE, values).await.map(drop)
    }

    async fn finish_updates(&self, bot: BotId, ids: &[UpdateId]) -> Result<()> {
        let values = vec![bot.0.into(), numbers(ids)];
        if self.change(Durability::Full, "finish_updates", FINISH, values).await? > 0 {
            self.note_deletion();
        }
        Ok(())
    }

    async fn waiting_updates(&self, bot: BotId) -> Result<u64> {
        let row = self.db.fetch_optional(COUNT_WAITING, &[bot.0.into()]).await?;
        row.map_or(Ok(0), |row| row.count("waiting"))
    }

    async fn forget_updates(&self, before: Timestamp, limit: u32) -> Result<ForgottenUpdates> {
        let forgotten = self.db.transact("forget_updates", move |tx| Box::pin(forget(tx, before, limit))).await?;
        if forgotten.waiting > 0 {
            self.note_deletion();
        }
        Ok(forgotten)
    }
}

impl SqlStore {
    /// Runs one statement as a transaction; returns how many rows it wrote.
    async fn change(&self, durability: Durability, name: &'static str, sql: Sql, values: Vec<Value>) -> Result<u64> {
        self.db
            .transact_with(durability, name, move |tx| {
                let values = values.clone();
                Box::pin(async move { tx.execute(sql, &values).await })
            })
            .await
    }
}

async fn receive(tx: &mut Tx, bot: BotId, updates: &[NewUpdate], lease: UpdateLease) -> Result<Vec<UpdateId>> {
    let mut received = Vec::new();
    for NewUpdate { id, payload } in updates {
        let payload = Arc::clone(payload).into();
        let values = [bot.0.into(), id.0.into(), payload, lease.now.into(), lease.until.into()];
        if tx.execute(INSERT_UPDATE, &values).await? > 0 {
            received.push(*id);
        }
    }
    Ok(received)
}

async fn claim(tx: &mut Tx, bot: BotId, lease: UpdateLease, limit: u32) -> Result<Vec<InboxUpdate>> {
    tx.execute(END_LEASES, &[bot.0.into(), lease.now.into()]).await?;
    let rows = tx.fetch_all(CLAIM, &[bot.0.into(), lease.until.into(), limit.into()]).await?;
    let mut claimed = rows.iter().map(read_update).collect::<Result<Vec<_>>>()?;
    claimed.sort_unstable_by_key(|update| update.id);
    Ok(claimed)
}

/// Nobody has any of the updates that wait.
#[cfg(feature = "sqlite")]
pub(super) async fn end_all_leases(tx: &mut Tx) -> Result<()> {
    tx.execute(END_ALL_LEASES, &[]).await.map(drop)
}

async fn forget(tx: &mut Tx, before: Timestamp, limit: u32) -> Result<ForgottenUpdates> {
    let (mut forgotten, mut places) = (ForgottenUpdates::default(), Vec::new());
    for row in tx.fetch_all(SELECT_OLD, &[before.into(), limit.into()]).await? {
        let is_waiting =
            row.word("state", |state| ["waiting", "done"].contains(&state).then_some(state == "waiting"))?;
        *if is_waiting { &mut forgotten.waiting } else { &mut forgotten.done } += 1;
        places.extend([row.int("bot_id")?.into(), row.int("update_id")?.into()]);
    }
    tx.execute_many(&DELETE, &places).await?;
    Ok(forgotten)
}

fn read_update(row: &Row) -> Result<InboxUpdate> {
    Ok(InboxUpdate {
        id: UpdateId(row.int("update_id")?),
        payload: row.text("payload")?,
        progress: row.optional_text("progress")?,
        attempts: u32::try_from(row.int("attempts")?).unwrap_or(u32::MAX),
    })
}

/// Numbers as one value: a JSON array.
fn numbers(ids: &[UpdateId]) -> Value {
    ids.iter().map(|id| id.0).collect::<serde_json::Value>().to_string().into()
}
