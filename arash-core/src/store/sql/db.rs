//! The door to SQL: the only place that begins a transaction.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::error::{Error, Result};
use crate::store::sql::batch::Batch;
use crate::store::sql::fault::{Failure, accepted};
#[cfg(feature = "postgres")]
use crate::store::sql::postgres::{Held, PostgresDb};
#[cfg(feature = "sqlite")]
use crate::store::sql::sqlite::SqliteDb;
use crate::store::sql::text::{Dialect, Sql};
use crate::store::sql::value::{Row, Value};
use crate::store::{Connections, Durability, SqlOptions};

/// A database.
#[derive(Clone)]
pub(super) struct Db {
    driver: Driver,
    /// As many at once as there are connections; the others wait here, in order. Whoever gives up waiting has asked
    /// for nothing.
    doors: Arc<Semaphore>,
    /// Those of the doors that may be taken by who only reads: however many ask for what is slow, whoever writes gets in.
    readers: Arc<Semaphore>,
    tasks: TaskTracker,
}

#[derive(Clone)]
enum Driver {
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteDb),
    #[cfg(feature = "postgres")]
    Postgres(PostgresDb),
}

impl Db {
    pub(super) async fn open(url: &str, options: SqlOptions) -> Result<Self> {
        let driver = match url.split_once(':').map(|(scheme, _)| scheme) {
            #[cfg(feature = "sqlite")]
            Some("sqlite") => Driver::Sqlite(SqliteDb::open(url, options).await?),
            #[cfg(feature = "postgres")]
            Some("postgres" | "postgresql") => Driver::Postgres(PostgresDb::open(url, options).await?),
            _ => {
                let message = format!("is not the address of a database that is built in; {}", accepted());
                return Err(Error::invalid("DATABASE_URL", message));
            }
        };
        Ok(Self::of(driver))
    }

    fn of(driver: Driver) -> Self {
        let doors = Arc::new(Semaphore::new(driver.doors()));
        let readers = Arc::new(Semaphore::new((driver.doors() * 3 / 4).max(1)));
        Self { driver, doors, readers, tasks: TaskTracker::new() }
    }

    #[cfg(all(test, feature = "sqlite"))]
    pub(super) fn of_sqlite(db: SqliteDb) -> Self {
        Self::of(Driver::Sqlite(db))
    }

    pub(super) const fn dialect(&self) -> Dialect {
        match self.driver {
            #[cfg(feature = "sqlite")]
            Driver::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Driver::Postgres(_) => Dialect::Postgres,
        }
    }

    #[cfg(feature = "sqlite")]
    pub(super) const fn sqlite(&self) -> Option<&SqliteDb> {
        match &self.driver {
            Driver::Sqlite(db) => Some(db),
            #[cfg(feature = "postgres")]
            Driver::Postgres(_) => None,
        }
    }

    #[cfg(feature = "postgres")]
    pub(super) const fn postgres(&self) -> Option<&PostgresDb> {
        match &self.driver {
            #[cfg(feature = "sqlite")]
            Driver::Sqlite(_) => None,
            Driver::Postgres(db) => Some(db),
        }
    }

    /// Runs `work` in one transaction and commits it, on a task that no caller can cancel: a connection with a
    /// transaction half done never goes back to the pool. Tried again where another transaction was in the way.
    pub(super) async fn transact<T, F>(&self, name: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnMut(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        self.transact_with(Durability::Full, name, work).await
    }

    /// The same, as safe as asked for at most: what does no harm when it is lost with the machine's power need not wait
    /// for the disk.
    pub(super) async fn transact_with<T, F>(&self, durability: Durability, name: &'static str, mut work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnMut(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        let driver = self.driver.clone();
        let transaction = move |until| async move {
            let mut attempt = 1;
            loop {
                match driver.attempt((name, durability), until, &mut work).await {
                    Err(Failure { error, may_retry: true }) if attempt < driver.attempts() => {
                        tracing::debug!(attempt, error = ?error, "trying a transaction again");
                        tokio::time::sleep(Duration::from_millis(20 << attempt)).await;
                        attempt += 1;
                    }
                    result => return result.map_err(|failure| failure.error),
                }
            }
        };
        let until = self.until();
        let transaction = || transaction(until).instrument(tracing::debug_span!("transaction", name));
        self.uncancelled(until, transaction).await
    }

    /// Until when what is asked now may take.
    fn until(&self) -> Instant {
        Instant::now() + self.driver.patience()
    }

    /// Waits for a door and then does `work` to its end, whether or not somebody still waits for it.
    async fn uncancelled<T, F>(&self, until: Instant, work: impl FnOnce() -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let door = entered(&self.doors, until).await?;
        let work = work();
        let task = self.tasks.spawn(async move {
            let result = work.await;
            drop(door);
            result
        });
        task.await.unwrap_or_else(|fault| Err(Error::internal("storage broke").with_source(fault)))
    }

    pub(super) async fn fetch_all(&self, sql: Sql, values: &[Value]) -> Result<Vec<Row>> {
        match &self.driver {
            #[cfg(feature = "sqlite")]
            Driver::Sqlite(db) => db.fetch_all(sql.text(Dialect::Sqlite), values).await,
            #[cfg(feature = "postgres")]
            Driver::Postgres(db) => {
                let until = self.until();
                let reader = entered(&self.readers, until).await?;
                self.run(db, sql, values, until, Some(reader)).await
            }
        }
    }

    /// One statement by itself, on a task that no caller can cancel; `reader` is let go of when it has ended.
    #[cfg(feature = "postgres")]
    async fn run(
        &self,
        db: &PostgresDb,
        sql: Sql,
        values: &[Value],
        until: Instant,
        reader: Option<OwnedSemaphorePermit>,
    ) -> Result<Vec<Row>> {
        let (db, values) = (db.clone(), values.to_vec());
        let work = || async move {
            let rows = db.run(sql.text(Dialect::Postgres), &values, until).await;
            drop(reader);
            rows
        };
        self.uncancelled(until, work).await
    }

    pub(super) async fn fetch_optional(&self, sql: Sql, values: &[Value]) -> Result<Option<Row>> {
        Ok(self.fetch_all(sql, values).await?.into_iter().next())
    }

    /// One statement that writes, as a transaction of its own.
    pub(super) async fn write(&self, name: &'static str, sql: Sql, values: &[Value]) -> Result<Vec<Row>> {
        match &self.driver {
            #[cfg(feature = "postgres")]
            // The server makes a transaction of it: no messages for its beginning and its end.
            Driver::Postgres(db) => self.run(db, sql, values, self.until(), None).await,
            #[cfg(feature = "sqlite")]
            Driver::Sqlite(_) => {
                let values = values.to_vec();
                self.transact(name, move |tx| {
                    let values = values.clone();
                    Box::pin(async move { tx.fetch_all(sql, &values).await })
                })
                .await
            }
        }
    }

    pub(super) fn connections(&self) -> Connections {
        match &self.driver {
            #[cfg(feature = "sqlite")]
            Driver::Sqlite(db) => db.connections(),
            #[cfg(feature = "postgres")]
            Driver::Postgres(db) => db.connections(),
        }
    }

    pub(super) async fn close(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        match &self.driver {
            #[cfg(feature = "sqlite")]
            Driver::Sqlite(db) => db.close().await,
            #[cfg(feature = "postgres")]
            Driver::Postgres(db) => db.close().await,
        }
    }

    #[cfg(test)]
    pub(super) async fn prepare(&self, sql: &str) -> Result<()> {
        match &self.driver {
            #[cfg(feature = "sqlite")]
            Driver::Sqlite(db) => db.prepare(sql).await,
            #[cfg(feature = "postgres")]
            Driver::Postgres(db) => db.prepare(sql).await,
        }
    }
}

/// Waits for a place among those who are let in.
async fn entered(doors: &Arc<Semaphore>, until: Instant) -> Result<OwnedSemaphorePermit> {
    tokio::time::timeout_at(until, Arc::clone(doors).acquire_owned())
        .await
        .map_err(|_| Error::unavailable("storage is busy"))
        .and_then(|door| door.map_err(|closed| Error::unavailable("storage is closed").with_source(closed)))
}

impl Driver {
    const fn attempts(&self) -> u32 {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => SqliteDb::ATTEMPTS,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => PostgresDb::ATTEMPTS,
        }
    }

    /// How much may be asked of it at once.
    const fn doors(&self) -> usize {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => 1,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => PostgresDb::CONNECTIONS as usize,
        }
    }

    /// Longest wait for what is asked of it.
    const fn patience(&self) -> Duration {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => SqliteDb::PATIENCE,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => PostgresDb::PATIENCE,
        }
    }

    async fn attempt<T, F>(&self, asked: (&'static str, Durability), until: Instant, work: &mut F) -> Result<T, Failure>
    where
        F: for<'t> FnMut(&'t mut Tx) -> BoxFuture<'t, Result<T>>,
    {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(db) => db.attempt(asked, work).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(db) => db.attempt(asked, until, work).await,
        }
    }
}

/// A transaction; committed by [`Db::transact`] when its work succeeds.
pub(super) enum Tx {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    #[cfg(feature = "postgres")]
    Postgres(Held),
}

impl Tx {
    pub(super) const fn dialect(&self) -> Dialect {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Returns how many rows it wrote.
    pub(super) async fn execute(&mut self, sql: Sql, values: &[Value]) -> Result<u64> {
        let text = sql.text(self.dialect());
        if text.is_empty() {
            return Ok(0);
        }
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(tx) => crate::store::sql::sqlite::execute(tx, text, values).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(held) => held.execute(text, values).await,
        }
    }

    pub(super) async fn fetch_all(&mut self, sql: Sql, values: &[Value]) -> Result<Vec<Row>> {
        let text = sql.text(self.dialect());
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(tx) => crate::store::sql::sqlite::fetch(&mut **tx, text, values).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(held) => held.fetch(text, values).await,
        }
    }

    pub(super) async fn fetch_optional(&mut self, sql: Sql, values: &[Value]) -> Result<Option<Row>> {
        Ok(self.fetch_all(sql, values).await?.into_iter().next())
    }

    /// Runs a statement over many rows, whose values stand one after the other in `values`.
    /// Returns how many rows it wrote.
    pub(super) async fn execute_many(&mut self, batch: &'static Batch, values: &[Value]) -> Result<u64> {
        if values.is_empty() {
            return Ok(0);
        }
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(tx) => crate::store::sql::sqlite::execute_many(tx, batch, values).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(held) => held.execute_many(batch, values).await,
        }
    }
}
