//! What changes of teams and keys came to, kept for requests that are repeated. The table is that of the turns' replies.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::idempotency::{IdempotencyKey, RequestDigest};
use crate::store::sql::audit::insert_entry;
use crate::store::sql::db::Tx;
use crate::store::sql::text::statements;
use crate::store::sql::value::Value;
use crate::team::{AuditEntry, ChangeContext, Changed};

statements! {
    // Whoever comes second waits here until the first has committed, and then finds what it kept.
    LOCK_IDEMPOTENCY_KEY = postgres("SELECT pg_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 1))");
    SELECT_RECEIPT = both("SELECT request_digest, receipt FROM idempotency_keys
        WHERE scope = $1 AND idempotency_key = $2");
    INSERT_RECEIPT = both("INSERT INTO idempotency_keys
        (scope, idempotency_key, turn_id, request_digest, receipt, created_at) VALUES ($1, $2, $3, $4, $5, $6)");
}

fn key_values(key: &IdempotencyKey) -> [Value; 2] {
    [key.scope().into(), key.key().into()]
}

/// What an earlier change under the same idempotency key came to, if there was one. Until the end of the transaction
/// nobody else does anything under this key.
pub(super) async fn earlier<T: DeserializeOwned>(tx: &mut Tx, by: &ChangeContext) -> Result<Option<Changed<T>>> {
    let Some((key, _)) = &by.idempotency else { return Ok(None) };
    let values = key_values(key);
    tx.execute(LOCK_IDEMPOTENCY_KEY, &values).await?;
    let Some(row) = tx.fetch_optional(SELECT_RECEIPT, &values).await? else { return Ok(None) };
    let digest = row.optional_bytes("request_digest")?.as_deref().and_then(RequestDigest::from_bytes);
    by.repeated(digest, row.optional_text("receipt")?.as_deref()).map(Some)
}

/// Writes down that something was done: in the audit log, and for repetitions of it.
pub(super) async fn record<T: Serialize>(
    tx: &mut Tx,
    entry: &AuditEntry,
    by: &ChangeContext,
    result: T,
) -> Result<Changed<T>> {
    insert_entry(tx, entry).await?;
    let changed = Changed::new(result);
    if let Some((key, digest)) = &by.idempotency {
        let [scope, name] = key_values(key);
        let kept = [
            scope,
            name,
            // There is no turn behind it; the audit log tells what is.
            entry.id.as_uuid().into(),
            digest.as_bytes().into(),
            changed.receipt()?.into(),
            by.at.into(),
        ];
        tx.execute(INSERT_RECEIPT, &kept).await?;
    }
    Ok(changed)
}
