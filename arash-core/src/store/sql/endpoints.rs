//! Where teams are told of events, and the keys that their secrets are sealed with. A key that seals something is held by
//! a reference, so that it cannot be forgotten meanwhile.

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::TeamId;
use crate::seal::{KeyMark, Sealed, SealingKeyId};
use crate::store::sql::SqlStore;
use crate::store::sql::audit::insert_entry;
use crate::store::sql::db::Tx;
use crate::store::sql::endpoint_rows::{endpoint_columns, key_value, read_endpoint, write_endpoint};
use crate::store::sql::team_rows::lock_team;
use crate::store::sql::teams::move_epoch;
use crate::store::sql::text::statements;
use crate::store::sql::value::{Row, Value};
use crate::team::ChangeContext;
use crate::webhook::{
    Endpoint, EndpointChange, EndpointStore, MAX_HURRIED, Resealed, SealedSecret, SecretColumn, unregistered_key,
};

statements! {
    SELECT_ENDPOINT = both(concat!("SELECT ", endpoint_columns!(), " FROM webhook_endpoints WHERE team_id = $1"));
    LOCK_ENDPOINT = each(
        concat!("SELECT ", endpoint_columns!(), " FROM webhook_endpoints WHERE team_id = $1"),
        concat!("SELECT ", endpoint_columns!(), " FROM webhook_endpoints WHERE team_id = $1 FOR NO KEY UPDATE"),
    );
    // Who locks some of them besides is about to settle or to end them.
    HURRY_EVENTS = each(
        "UPDATE outbox SET due_at = $2 WHERE id IN (SELECT id FROM outbox
             WHERE team_id = $1 AND state = 'pending' AND lease_until IS NULL AND due_at > $2
             ORDER BY due_at DESC, id DESC LIMIT $3)",
        "UPDATE outbox SET due_at = $2 WHERE id = ANY(ARRAY(SELECT id FROM outbox
             WHERE team_id = $1 AND state = 'pending' AND lease_until IS NULL AND due_at > $2
             ORDER BY due_at DESC, id DESC LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED))",
    );
    SELECT_SEALED_OTHERWISE = both(concat!("SELECT ", endpoint_columns!(), " FROM webhook_endpoints
        WHERE team_id > $2 AND (secret_key_id <> $1 OR previous_key_id <> $1) ORDER BY team_id LIMIT $3"));
    RESEAL_PRESENT = both("UPDATE webhook_endpoints SET secret = $3, secret_key_id = $4
        WHERE team_id = $1 AND secret = $2");
    RESEAL_PREVIOUS = both("UPDATE webhook_endpoints SET previous_secret = $3, previous_key_id = $4
        WHERE team_id = $1 AND previous_secret = $2");
    LOCK_KEYS = postgres("SELECT pg_advisory_xact_lock(hashtextextended('sealing keys', 0))");
    SELECT_KEYS = both("SELECT id, fingerprint FROM sealing_keys ORDER BY id");
    INSERT_KEY = both("INSERT INTO sealing_keys (id, fingerprint, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING");
    DELETE_KEYS = both("DELETE FROM sealing_keys WHERE id <> $1 AND NOT EXISTS (SELECT 1 FROM webhook_endpoints e
            WHERE e.secret_key_id = sealing_keys.id OR e.previous_key_id = sealing_keys.id)
        RETURNING id");
}

#[async_trait]
impl EndpointStore for SqlStore {
    async fn endpoint(&self, team: TeamId) -> Result<Option<Endpoint>> {
        self.db.fetch_optional(SELECT_ENDPOINT, &[team.0.into()]).await?.as_ref().map(read_endpoint).transpose()
    }

    async fn put_endpoint(&self, change: EndpointChange, by: &ChangeContext) -> Result<Endpoint> {
        let by = by.clone();
        self.db
            .transact("put_endpoint", move |tx| {
                let (change, by) = (change.clone(), by.clone());
                Box::pin(async move { put(tx, &change, &by).await })
            })
            .await
    }

    async fn secrets_sealed_otherwise(
        &self,
        key: SealingKeyId,
        after: TeamId,
        limit: u32,
    ) -> Result<Vec<SealedSecret>> {
        let values = [key.into(), after.0.into(), limit.into()];
        let mut found = Vec::new();
        for row in self.db.fetch_all(SELECT_SEALED_OTHERWISE, &values).await? {
            let endpoint = read_endpoint(&row)?;
            let otherwise = endpoint.sealed().filter(|(_, sealed)| sealed.key_id() != Some(key));
            let team_id = endpoint.team_id;
            found.extend(otherwise.map(|(column, sealed)| SealedSecret { team_id, column, sealed: sealed.clone() }));
        }
        Ok(found)
    }

    async fn reseal(&self, secrets: &[Resealed]) -> Result<u64> {
        let secrets = secrets.to_vec();
        self.db
            .transact("reseal", move |tx| {
                let secrets = secrets.clone();
                Box::pin(async move {
                    let mut count = 0;
                    for secret in &secrets {
                        count += reseal(tx, secret).await?;
                    }
                    Ok(count)
                })
            })
            .await
    }

    async fn sealing_keys(&self) -> Result<Vec<KeyMark>> {
        self.db.fetch_all(SELECT_KEYS, &[]).await?.iter().map(read_mark).collect()
    }

    async fn register_sealing_key(&self, newest: KeyMark, ring: &[KeyMark], at: Timestamp) -> Result<Vec<KeyMark>> {
        let ring = ring.to_vec();
        self.db
            .transact("register_sealing_key", move |tx| {
                let ring = ring.clone();
                Box::pin(async move {
                    tx.execute(LOCK_KEYS, &[]).await?;
                    let mut known: Vec<_> =
                        tx.fetch_all(SELECT_KEYS, &[]).await?.iter().map(read_mark).collect::<Result<_>>()?;
                    if known.iter().all(|key| ring.contains(key)) && !known.contains(&newest) {
                        let values = [newest.id.into(), newest.fingerprint.as_slice().into(), at.into()];
                        tx.execute(INSERT_KEY, &values).await?;
                        known.push(newest);
                        known.sort_unstable();
                    }
                    Ok(known)
                })
            })
            .await
    }

    async fn forget_sealing_keys(&self, newest: SealingKeyId) -> Result<Vec<SealingKeyId>> {
        let rows = self.db.write("forget_sealing_keys", DELETE_KEYS, &[newest.into()]).await;
        // One of them came into use again meanwhile.
        let rows = rows.map_err(|error| or_unregistered(error, Error::unavailable("a sealing key is being used")))?;
        let mut ids: Vec<_> = rows.iter().map(read_key_id).collect::<Result<_>>()?;
        ids.sort_unstable();
        Ok(ids)
    }
}

async fn put(tx: &mut Tx, change: &EndpointChange, by: &ChangeContext) -> Result<Endpoint> {
    // The team first: there is no row yet to lock that an endpoint is made in.
    lock_team(tx, change.team_id).await?;
    let before = lock_endpoint(tx, change.team_id).await?;
    let Some((after, entry)) = change.on(before.as_ref(), by)? else {
        return before.ok_or_else(|| Error::internal("a new endpoint is no change"));
    };
    write_endpoint(tx, &after).await.map_err(|error| or_unregistered(error, unregistered_key()))?;
    if before.is_some_and(|before| after.is_mended_since(&before)) {
        tx.execute(HURRY_EVENTS, &[after.team_id.0.into(), by.at.into(), MAX_HURRIED.into()]).await?;
    }
    insert_entry(tx, &entry).await?;
    move_epoch(tx).await?;
    Ok(after)
}

/// The endpoint of `team`, which nobody else changes until the end of the transaction.
pub(super) async fn lock_endpoint(tx: &mut Tx, team: TeamId) -> Result<Option<Endpoint>> {
    tx.fetch_optional(LOCK_ENDPOINT, &[team.0.into()]).await?.as_ref().map(read_endpoint).transpose()
}

async fn reseal(tx: &mut Tx, Resealed { before, after }: &Resealed) -> Result<u64> {
    let statement = match before.column {
        SecretColumn::Present => RESEAL_PRESENT,
        SecretColumn::Previous => RESEAL_PREVIOUS,
    };
    let bytes = |sealed: &Sealed| Value::from(sealed.0.as_slice());
    let values = [before.team_id.0.into(), bytes(&before.sealed), bytes(after), key_value(after)?];
    tx.execute(statement, &values).await.map_err(|error| or_unregistered(error, unregistered_key()))
}

/// What the database says of a key that is not there, or is still in use.
fn or_unregistered(error: Error, instead: Error) -> Error {
    if error.kind() == ErrorKind::NotFound { instead } else { error }
}

fn read_mark(row: &Row) -> Result<KeyMark> {
    let fingerprint = row.optional_bytes("fingerprint")?.and_then(|bytes| bytes.try_into().ok());
    let fingerprint = fingerprint.ok_or_else(|| Error::internal("a stored fingerprint has another length"))?;
    Ok(KeyMark { id: read_key_id(row)?, fingerprint })
}

fn read_key_id(row: &Row) -> Result<SealingKeyId> {
    SealingKeyId::of(row.int("id")?).ok_or_else(|| Error::internal("a stored sealing key has no id"))
}
