use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::NodeId;
use crate::quota::{BlockPlace, Lease, LeaseRequest, Period, QuotaScope, QuotaStore, QuotaThreshold, lease_amount};
use crate::store::sql::SqlStore;
use crate::store::sql::batch::{Batch, Kind};
use crate::store::sql::db::Tx;
use crate::store::sql::text::{Dialect, statements};
use crate::store::sql::thresholds;
use crate::store::sql::value::Value;

statements! {
    SELECT_TAKEN = both("SELECT CAST(COALESCE(SUM(used + leased), 0) AS BIGINT) AS taken,
        MIN(CASE WHEN used + leased > 0 THEN bucket_start END) AS oldest
        FROM quota_buckets WHERE scope = $1 AND period = $2 AND bucket_start > $3");
    SELECT_USED = both("SELECT CAST(COALESCE(SUM(used), 0) AS BIGINT) AS used, MIN(CASE WHEN used > 0 THEN bucket_start END) AS oldest
        FROM quota_buckets WHERE scope = $1 AND period = $2 AND bucket_start > $3");
    ADD_LEASED = both("INSERT INTO quota_buckets (scope, period, bucket_start, used, leased) VALUES ($1, $2, $3, 0, $4)
        ON CONFLICT (scope, period, bucket_start) DO UPDATE SET leased = quota_buckets.leased + excluded.leased");
    ADD_LEASE = both("INSERT INTO quota_leases (scope, period, bucket_start, amount, node, lease_until)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (node, scope, period, bucket_start) DO UPDATE SET amount = quota_leases.amount + excluded.amount,
        lease_until = CASE WHEN excluded.lease_until > quota_leases.lease_until
            THEN excluded.lease_until ELSE quota_leases.lease_until END");
    SELECT_ANY_ENDED_LEASE = both("SELECT 1 AS one FROM quota_leases WHERE lease_until <= $1 LIMIT 1");
    RETURN_TO_BUCKET = both("UPDATE quota_buckets SET leased = CASE WHEN leased < $4 THEN 0 ELSE leased - $4 END
        WHERE scope = $1 AND period = $2 AND bucket_start = $3");
    DELETE_ENDED_LEASES = each(
        "DELETE FROM quota_leases WHERE lease_until <= $1 RETURNING scope, period, bucket_start, amount",
        "DELETE FROM quota_leases AS l USING (SELECT node, scope, period, bucket_start FROM quota_leases
             WHERE lease_until <= $1 ORDER BY node, scope, period, bucket_start FOR UPDATE SKIP LOCKED) AS e
         WHERE (l.node, l.scope, l.period, l.bucket_start) = (e.node, e.scope, e.period, e.bucket_start)
         RETURNING l.scope, l.period, l.bucket_start, l.amount"
    );
    LOCK_QUOTA = postgres("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))");
    SELECT_ANY_OLD_BUCKET = both("SELECT 1 AS one FROM quota_buckets
        WHERE period = $1 AND bucket_start <= $2 AND leased = 0 LIMIT 1");
    DELETE_OLD_BUCKETS = both("DELETE FROM quota_buckets WHERE period = $1 AND bucket_start <= $2 AND leased = 0");
}

const LEASED_ROW: &[Kind] = &[Kind::Text, Kind::Text, Kind::Int, Kind::Int, Kind::Uuid];

/// Locks the leases that are about to change, before their buckets and in one order for all, so that no two nodes
/// wait for each other.
pub(super) static LOCK_LEASES: Batch = Batch::from(
    "SELECT l.amount FROM quota_leases AS l JOIN",
    LEASED_ROW,
    "ON l.node = v.column5 AND l.scope = v.column1 AND l.period = v.column2 AND l.bucket_start = v.column3",
)
.and_on_postgres("ORDER BY l.node, l.scope, l.period, l.bucket_start FOR NO KEY UPDATE OF l");
/// Puts off the end of leases; `column4` is the new one.
static RENEW_LEASES: Batch = Batch::from(
    "UPDATE quota_leases SET lease_until = v.column4 FROM",
    LEASED_ROW,
    "WHERE quota_leases.node = v.column5 AND quota_leases.scope = v.column1
         AND quota_leases.period = v.column2 AND quota_leases.bucket_start = v.column3",
);

/// Takes out of buckets what was leased in them: at most what the node's lease still holds, which is nothing once it
/// was reclaimed, and never more than the bucket has, which is nothing once it was purged.
pub(super) static TAKE_FROM_BUCKETS: Batch = Batch::from(
    "UPDATE quota_buckets SET leased = CASE
         WHEN quota_buckets.leased < l.amount AND quota_buckets.leased < v.column4 THEN 0
         WHEN l.amount < v.column4 THEN quota_buckets.leased - l.amount
         ELSE quota_buckets.leased - v.column4 END
     FROM",
    LEASED_ROW,
    "JOIN quota_leases AS l ON l.node = v.column5 AND l.scope = v.column1 AND l.period = v.column2
         AND l.bucket_start = v.column3
     WHERE quota_buckets.scope = v.column1 AND quota_buckets.period = v.column2
         AND quota_buckets.bucket_start = v.column3",
);
/// Takes the same out of the leases.
pub(super) static TAKE_FROM_LEASES: Batch = Batch::from(
    "UPDATE quota_leases SET amount = CASE WHEN quota_leases.amount < v.column4 THEN 0
         ELSE quota_leases.amount - v.column4 END
     FROM",
    LEASED_ROW,
    "WHERE quota_leases.node = v.column5 AND quota_leases.scope = v.column1
         AND quota_leases.period = v.column2 AND quota_leases.bucket_start = v.column3",
);

/// Every statement of this file that is over many rows. [`LOCK_LEASES`] is for PostgreSQL only.
#[cfg(test)]
pub(super) const BATCHES: [&Batch; 4] = [&LOCK_LEASES, &RENEW_LEASES, &TAKE_FROM_BUCKETS, &TAKE_FROM_LEASES];

/// One row of [`TAKE_FROM_BUCKETS`] and [`TAKE_FROM_LEASES`].
pub(super) fn leased_row(
    node: NodeId,
    scope: QuotaScope,
    period: Period,
    bucket_start: Timestamp,
    amount: u64,
) -> [Value; 5] {
    let (scope, node) = (scope.to_string().into(), node.as_uuid().into());
    [scope, period.as_str().into(), bucket_start.into(), amount.into(), node]
}

/// Locks the leases that rows of [`leased_row`] are about, where others write at the same time.
pub(super) async fn lock_leases(tx: &mut Tx, rows: &[Value]) -> Result<()> {
    match tx.dialect() {
        Dialect::Sqlite => Ok(()),
        Dialect::Postgres => tx.execute_many(&LOCK_LEASES, rows).await.map(drop),
    }
}

/// Takes what was leased, spent or given back, out of one node's leases; no two rows are about one bucket.
pub(super) async fn take_leased(tx: &mut Tx, rows: &[Value]) -> Result<()> {
    tx.execute_many(&TAKE_FROM_BUCKETS, rows).await?;
    tx.execute_many(&TAKE_FROM_LEASES, rows).await.map(drop)
}

#[async_trait]
impl QuotaStore for SqlStore {
    async fn lease(&self, request: LeaseRequest) -> Result<Lease> {
        self.db.transact("lease_quota", move |tx| Box::pin(lease(tx, request))).await
    }

    async fn give_back(
        &self,
        node: NodeId,
        scope: QuotaScope,
        period: Period,
        bucket_start: Timestamp,
        amount: u64,
    ) -> Result<()> {
        let row = leased_row(node, scope, period, bucket_start, amount);
        self.db
            .transact("give_back_quota", move |tx| {
                let row = row.clone();
                Box::pin(async move {
                    lock_leases(tx, &row).await?;
                    take_leased(tx, &row).await
                })
            })
            .await
    }

    async fn renew(&self, node: NodeId, blocks: &[BlockPlace], until: Timestamp) -> Result<()> {
        if blocks.is_empty() {
            return Ok(());
        }
        let ending = until.as_millis() as u64;
        let rows = blocks.iter().flat_map(|place| {
            let &BlockPlace { scope, period, bucket_start } = place;
            leased_row(node, scope, period, bucket_start, ending)
        });
        let rows: Arc<[Value]> = rows.collect();
        self.db
            .transact("renew_quota", move |tx| {
                let rows = Arc::clone(&rows);
                Box::pin(async move {
                    lock_leases(tx, &rows).await?;
                    tx.execute_many(&RENEW_LEASES, &rows).await.map(drop)
                })
            })
            .await
    }

    async fn reclaim(&self, now: Timestamp) -> Result<u64> {
        if self.db.fetch_optional(SELECT_ANY_ENDED_LEASE, &[now.into()]).await?.is_none() {
            return Ok(0);
        }
        self.db.transact("reclaim_quota", move |tx| Box::pin(reclaim(tx, now))).await
    }

    async fn used(&self, scope: QuotaScope, period: Period, now: Timestamp) -> Result<(u64, Option<Timestamp>)> {
        let values = [scope.to_string().into(), period.as_str().into(), period.window_start(now).into()];
        match self.db.fetch_optional(SELECT_USED, &values).await? {
            Some(row) => Ok((row.count("used")?, row.optional_time("oldest")?)),
            None => Ok((0, None)),
        }
    }

    async fn purge_buckets(&self, now: Timestamp) -> Result<()> {
        for period in Period::ALL {
            let values: [Value; 2] = [period.as_str().into(), period.window_start(now).into()];
            if self.db.fetch_optional(SELECT_ANY_OLD_BUCKET, &values).await?.is_some() {
                self.db
                    .transact("purge_quota_buckets", move |tx| {
                        let values = values.clone();
                        Box::pin(async move {
                            tx.execute(DELETE_OLD_BUCKETS, &values).await?;
                            thresholds::forget(tx, period, now).await
                        })
                    })
                    .await?;
            }
        }
        Ok(())
    }
}

async fn lease(tx: &mut Tx, request: LeaseRequest) -> Result<Lease> {
    let LeaseRequest { node, scope, period, limit, wanted, now, until } = request;
    let (name, bucket_start) = (period.as_str(), period.bucket_start(now));
    // No other lease of this quota comes between the look at the window and the block that is taken out of it.
    tx.execute(LOCK_QUOTA, &[format!("quota {scope} {name}").into()]).await?;
    let scope = Value::from(scope.to_string());
    let window = [scope.clone(), name.into(), period.window_start(now).into()];
    let (taken, oldest_bucket) = match tx.fetch_optional(SELECT_TAKEN, &window).await? {
        Some(row) => (row.count("taken")?, row.optional_time("oldest")?),
        None => (0, None),
    };
    let amount = lease_amount(limit, taken, wanted);
    if amount > 0 {
        let block: [Value; 4] = [scope, name.into(), bucket_start.into(), amount.into()];
        let lease: Vec<Value> = block.iter().cloned().chain([node.as_uuid().into(), until.into()]).collect();
        tx.execute(ADD_LEASE, &lease).await?;
        tx.execute(ADD_LEASED, &block).await?;
    }
    let oldest_use = oldest_bucket.or((amount > 0).then_some(bucket_start));
    if let Some(threshold) = QuotaThreshold::reached(&request, taken.saturating_add(amount), oldest_use) {
        thresholds::tell(tx, &threshold, &request).await?;
    }
    Ok(Lease { amount, bucket_start, oldest_bucket })
}

async fn reclaim(tx: &mut Tx, now: Timestamp) -> Result<u64> {
    // In the order of all who write buckets.
    let mut ended = BTreeMap::new();
    for row in tx.fetch_all(DELETE_ENDED_LEASES, &[now.into()]).await? {
        let bucket = (row.text("scope")?, row.text("period")?, row.time("bucket_start")?);
        *ended.entry(bucket).or_insert(0) += row.count("amount")?;
    }
    let mut total = 0;
    for ((scope, period, bucket_start), amount) in ended {
        tx.execute(RETURN_TO_BUCKET, &[scope.into(), period.into(), bucket_start.into(), amount.into()]).await?;
        total += amount;
    }
    Ok(total)
}
