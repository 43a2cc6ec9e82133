use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::TurnId;
use crate::store::sql::db::Tx;
use crate::store::sql::value::{Row, Value};
use crate::store::sql::{SqlStore, statements};
use crate::turn::{
    BeginOutcome, CommitOutcome, IdempotencyKey, RequestDigest, StartedTurn, StoredTurn, TurnCommit, TurnState,
    TurnStore,
};

statements! {
    SELECT_TURN = "SELECT id, state, request_digest, receipt FROM turns WHERE id = $1";
    SELECT_TURN_BY_KEY = "SELECT id, state, request_digest, receipt FROM turns
        WHERE idempotency_scope = $1 AND idempotency_key = $2";
    FORGET_RECEIPTS = "UPDATE turns SET idempotency_scope = NULL, idempotency_key = NULL, request_digest = NULL,
        receipt = NULL WHERE id IN
        (SELECT id FROM turns WHERE idempotency_key IS NOT NULL AND created_at <= $1 ORDER BY created_at LIMIT 500)";
    SELECT_ANY_OLD_RECEIPT = "SELECT 1 AS one FROM turns WHERE idempotency_key IS NOT NULL AND created_at <= $1 LIMIT 1";
}

#[async_trait]
impl TurnStore for SqlStore {
    async fn begin(&self, _turns: &[StartedTurn]) -> Result<Vec<BeginOutcome>> {
        Err(crate::error::Error::internal("begin"))
    }

    async fn renew_turns(&self, _turns: &[StartedTurn]) -> Result<()> {
        Err(crate::error::Error::internal("renew_turns"))
    }

    async fn lost_turns(&self, _now: Timestamp, _limit: u32) -> Result<Vec<StartedTurn>> {
        Ok(Vec::new())
    }

    async fn purge_turns(&self, _until: Timestamp) -> Result<()> {
        Ok(())
    }

    async fn commit(&self, turns: &[TurnCommit]) -> Result<Vec<CommitOutcome>> {
        if turns.is_empty() {
            return Ok(Vec::new());
        }
        if self.commit_together(turns).await? {
            return Ok(turns.iter().map(|_| CommitOutcome::Committed).collect());
        }
        self.commit_singly(turns).await
    }

    async fn find_turn(&self, key: &IdempotencyKey) -> Result<Option<StoredTurn>> {
        let values = [key.scope().into(), key.key().into()];
        self.db.fetch_optional(SELECT_TURN_BY_KEY, &values).await?.as_ref().map(read_turn).transpose()
    }

    async fn forget_receipts(&self, until: Timestamp) -> Result<()> {
        // Some at a time, so that turns are recorded in between.
        while self.db.fetch_optional(SELECT_ANY_OLD_RECEIPT, &[until.into()]).await?.is_some() {
            self.db
                .transact("forget_receipts", move |tx| {
                    Box::pin(async move { tx.execute(FORGET_RECEIPTS, &[until.into()]).await })
                })
                .await?;
        }
        Ok(())
    }
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
