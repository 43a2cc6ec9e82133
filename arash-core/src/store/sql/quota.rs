use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::NodeId;
use crate::quota::{BlockPlace, Lease, LeaseRequest, Period, QuotaScope, QuotaStore, lease_amount};
use crate::store::sql::batch::Batch;
use crate::store::sql::db::Tx;
use crate::store::sql::value::Value;
use crate::store::sql::{SqlStore, statements};

statements! {
    SELECT_TAKEN = "SELECT COALESCE(SUM(used + leased), 0) AS taken,
        MIN(CASE WHEN used + leased > 0 THEN bucket_start END) AS oldest
        FROM quota_buckets WHERE scope = $1 AND period = $2 AND bucket_start > $3";
    SELECT_USED = "SELECT COALESCE(SUM(used), 0) AS used, MIN(CASE WHEN used > 0 THEN bucket_start END) AS oldest
        FROM quota_buckets WHERE scope = $1 AND period = $2 AND bucket_start > $3";
    ADD_LEASED = "INSERT INTO quota_buckets (scope, period, bucket_start, used, leased) VALUES ($1, $2, $3, 0, $4)
        ON CONFLICT (scope, period, bucket_start) DO UPDATE SET leased = quota_buckets.leased + excluded.leased";
    ADD_LEASE = "INSERT INTO quota_leases (scope, period, bucket_start, amount, node, lease_until)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (node, scope, period, bucket_start) DO UPDATE SET amount = quota_leases.amount + excluded.amount,
        lease_until = CASE WHEN excluded.lease_until > quota_leases.lease_until
            THEN excluded.lease_until ELSE quota_leases.lease_until END";
    RENEW_LEASES = "UPDATE quota_leases SET lease_until = $2 WHERE node = $1 AND amount > 0";
    SELECT_ENDED_LEASES = "SELECT scope, period, bucket_start, node, amount FROM quota_leases WHERE lease_until <= $1";
    SELECT_ANY_ENDED_LEASE = "SELECT 1 AS one FROM quota_leases WHERE lease_until <= $1 LIMIT 1";
    RETURN_TO_BUCKET = "UPDATE quota_buckets SET leased = CASE WHEN leased < $4 THEN 0 ELSE leased - $4 END
        WHERE scope = $1 AND period = $2 AND bucket_start = $3";
    DELETE_ENDED_LEASES = "DELETE FROM quota_leases WHERE lease_until <= $1";
    SELECT_ANY_OLD_BUCKET = "SELECT 1 AS one FROM quota_buckets
        WHERE period = $1 AND bucket_start <= $2 AND leased = 0 LIMIT 1";
    DELETE_OLD_BUCKETS = "DELETE FROM quota_buckets WHERE period = $1 AND bucket_start <= $2 AND leased = 0";
}

/// Takes out of buckets what was leased in them: at most what the node's lease still holds, which is nothing once it
/// was reclaimed, and never more than the bucket has, which is nothing once it was purged.
pub(super) static TAKE_FROM_BUCKETS: Batch = Batch::new(
    "UPDATE quota_buckets SET leased = CASE
         WHEN quota_buckets.leased < l.amount AND quota_buckets.leased < v.column4 THEN 0
         WHEN l.amount < v.column4 THEN quota_buckets.leased - l.amount
         ELSE quota_buckets.leased - v.column4 END
     FROM (VALUES",
    5,
    ") AS v JOIN quota_leases AS l ON l.node = v.column5 AND l.scope = v.column1 AND l.period = v.column2
         AND l.bucket_start = v.column3
     WHERE quota_buckets.scope = v.column1 AND quota_buckets.period = v.column2
         AND quota_buckets.bucket_start = v.column3",
);
/// Takes the same out of the leases.
pub(super) static TAKE_FROM_LEASES: Batch = Batch::new(
    "UPDATE quota_leases SET amount = CASE WHEN quota_leases.amount < v.column4 THEN 0
         ELSE quota_leases.amount - v.column4 END
     FROM (VALUES",
    5,
    ") AS v WHERE quota_leases.node = v.column5 AND quota_leases.scope = v.column1
         AND quota_leases.period = v.column2 AND quota_leases.bucket_start = v.column3",
);

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
                Box::pin(async move { take_leased(tx, &row).await })
            })
            .await
    }

    async fn renew(&self, node: NodeId, _blocks: &[BlockPlace], until: Timestamp) -> Result<()> {
        self.db
            .transact("renew_quota", move |tx| {
                Box::pin(
                    async move { tx.execute(RENEW_LEASES, &[node.as_uuid().into(), until.into()]).await.map(drop) },
                )
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
                        Box::pin(async move { tx.execute(DELETE_OLD_BUCKETS, &values).await.map(drop) })
                    })
                    .await?;
            }
        }
        Ok(())
    }
}

async fn lease(tx: &mut Tx, request: LeaseRequest) -> Result<Lease> {
    let LeaseRequest { node, scope, period, limit, wanted, now, until } = request;
    let (scope, name, bucket_start) = (Value::from(scope.to_string()), period.as_str(), period.bucket_start(now));
    let window = [scope.clone(), name.into(), period.window_start(now).into()];
    let (taken, oldest_bucket) = match tx.fetch_optional(SELECT_TAKEN, &window).await? {
        Some(row) => (row.count("taken")?, row.optional_time("oldest")?),
        None => (0, None),
    };
    let amount = lease_amount(limit, taken, wanted);
    if amount > 0 {
        let block: [Value; 4] = [scope, name.into(), bucket_start.into(), amount.into()];
        tx.execute(ADD_LEASED, &block).await?;
        let lease: Vec<Value> = block.into_iter().chain([node.as_uuid().into(), until.into()]).collect();
        tx.execute(ADD_LEASE, &lease).await?;
    }
    Ok(Lease { amount, bucket_start, oldest_bucket })
}

async fn reclaim(tx: &mut Tx, now: Timestamp) -> Result<u64> {
    let mut total = 0;
    for row in tx.fetch_all(SELECT_ENDED_LEASES, &[now.into()]).await? {
        let amount = row.count("amount")?;
        let values: [Value; 4] =
            [row.text("scope")?.into(), row.text("period")?.into(), row.time("bucket_start")?.into(), amount.into()];
        tx.execute(RETURN_TO_BUCKET, &values).await?;
        total += amount;
    }
    tx.execute(DELETE_ENDED_LEASES, &[now.into()]).await?;
    Ok(total)
}
