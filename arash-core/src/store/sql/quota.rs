use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::NodeId;
use crate::quota::{Lease, LeaseRequest, Period, QuotaScope, QuotaStore, lease_amount};
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
    // What goes back is at most what the node's lease still holds: nothing, once it was reclaimed.
    TAKE_FROM_BUCKET = "UPDATE quota_buckets SET leased =
        (SELECT CASE WHEN quota_buckets.leased < l.amount AND quota_buckets.leased < $4 THEN 0
                     WHEN l.amount < $4 THEN quota_buckets.leased - l.amount
                     ELSE quota_buckets.leased - $4 END
         FROM quota_leases l WHERE l.scope = $1 AND l.period = $2 AND l.bucket_start = $3 AND l.node = $5)
        WHERE scope = $1 AND period = $2 AND bucket_start = $3 AND EXISTS
        (SELECT 1 FROM quota_leases l WHERE l.scope = $1 AND l.period = $2 AND l.bucket_start = $3 AND l.node = $5)";
    TAKE_FROM_LEASE = "UPDATE quota_leases SET amount = CASE WHEN amount < $4 THEN 0 ELSE amount - $4 END
        WHERE scope = $1 AND period = $2 AND bucket_start = $3 AND node = $5";
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

/// Takes `amount` out of what `node` leased in a bucket: spent, or given back.
pub(super) async fn take_leased(
    tx: &mut Tx,
    node: NodeId,
    scope: QuotaScope,
    period: Period,
    bucket_start: Timestamp,
    amount: u64,
) -> Result<()> {
    let values: [Value; 5] =
        [scope.to_string().into(), period.as_str().into(), bucket_start.into(), amount.into(), node.as_uuid().into()];
    tx.execute(TAKE_FROM_BUCKET, &values).await?;
    tx.execute(TAKE_FROM_LEASE, &values).await.map(drop)
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
        self.db
            .transact("give_back_quota", move |tx| Box::pin(take_leased(tx, node, scope, period, bucket_start, amount)))
            .await
    }

    async fn renew(&self, node: NodeId, until: Timestamp) -> Result<()> {
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
