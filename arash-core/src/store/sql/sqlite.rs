//! SQLite: one file, one writer.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, SqlSafeStr, Sqlite, SqliteConnection, SqlitePool, Transaction,
};

use crate::error::{Error, Result};
use crate::store::sql::batch::Batch;
use crate::store::sql::db::Tx;
use crate::store::sql::fault::{Failure, accepted, fault, source};
use crate::store::sql::migrations;
use crate::store::sql::presence::Presence;
use crate::store::sql::value::{Row, Value};
use crate::store::{Connections, Durability, SqlOptions};

/// Bugs that corrupt a write-ahead log were fixed in this version.
const OLDEST_SQLITE: [u32; 3] = [3, 51, 3];
/// Read connections; each is a thread of its own.
const READERS: u32 = 4;
/// Longest wait for a connection; beyond it callers are told to come back.
const ACQUIRE: Duration = Duration::from_secs(5);
/// Longest wait for another program that holds the database, and how often: a second in all, then callers are told.
const BUSY: Duration = Duration::from_millis(500);

/// A SQLite database.
///
/// Writes go through one connection, one at a time: SQLite has one writer anyway, and waiting in our own queue is
/// fair and quick, where waiting on its lock is neither. Reads have connections of their own.
#[derive(Clone)]
pub(super) struct SqliteDb {
    writer: SqlitePool,
    readers: SqlitePool,
    durability: Durability,
    /// Whether the writer was told not to wait for the disk.
    is_hasty: Arc<AtomicBool>,
    presence: Arc<Presence>,
}

impl SqliteDb {
    pub(super) const ATTEMPTS: u32 = 2;
    /// Longest wait for the writer; beyond it callers are told to come back. With what comes after it, the wait for
    /// another program, it is short enough for what is recorded to be told within five seconds after a second attempt.
    pub(super) const PATIENCE: Duration = Duration::from_millis(1_400);

    pub(super) async fn open(url: &str, sql: SqlOptions) -> Result<Self> {
        let options = options(url, sql.durability)?;
        make_private_file(&options);
        // At the start there is time to wait for others that start too.
        let opener = connect(url, pool(1), options.clone().busy_timeout(ACQUIRE)).await?;
        check_version(&opener).await?;
        migrations::run_sqlite(&opener).await?;
        let presence = Arc::new(Presence::beside(options.get_filename()));
        let writer = connect(url, pool(1), options.clone()).await?;
        let readers = connect(url, pool(READERS), options.read_only(true).create_if_missing(false)).await?;
        opener.close().await;
        Ok(Self { writer, readers, durability: sql.durability, is_hasty: Arc::default(), presence })
    }

    /// Tells the writer whether to wait for the disk. Whoever is told so later waits for what was written before, too.
    async fn wait_for_disk(&self, durability: Durability) -> Result<()> {
        let is_hasty = durability == Durability::Process;
        if self.durability == Durability::Process || self.is_hasty.load(Ordering::Relaxed) == is_hasty {
            return Ok(());
        }
        // Noted before it is done: whatever happens in between, the next one who has to wait says so again.
        self.is_hasty.store(true, Ordering::Relaxed);
        let pragma = if is_hasty { "PRAGMA synchronous = NORMAL" } else { "PRAGMA synchronous = FULL" };
        fetch(&self.writer, pragma, &[]).await?;
        self.is_hasty.store(is_hasty, Ordering::Relaxed);
        Ok(())
    }

    pub(super) async fn attempt<T, F>(
        &self,
        (name, durability): (&'static str, Durability),
        work: &mut F,
    ) -> Result<T, Failure>
    where
        F: for<'t> FnMut(&'t mut Tx) -> BoxFuture<'t, Result<T>>,
    {
        self.wait_for_disk(durability).await.map_err(failure)?;
        // IMMEDIATE: a transaction that first reads and then writes would fail at once if another one wrote in between.
        let begun = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(|error| failure(fault(error)))?;
        let mut tx = Tx::Sqlite(begun);
        let result = work(&mut tx).await;
        let Tx::Sqlite(tx) = tx else {
            return Err(Failure::last(Error::internal("a transaction changed its database")));
        };
        match result {
            Ok(done) => {
                crate::fail_point::fail_point(format_args!("before {name}"));
                tx.commit().await.map_err(|error| failure(fault(error)))?;
                crate::fail_point::fail_point(format_args!("after {name}"));
                Ok(done)
            }
            Err(error) => {
                if let Err(fault) = tx.rollback().await {
                    tracing::warn!(error = %fault, "a transaction could not be rolled back");
                }
                Err(failure(error))
            }
        }
    }

    pub(super) async fn fetch_all(&self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>> {
        fetch(&self.readers, sql, values).await
    }

    /// Brings all of the log into the database file and empties it, so that what was deleted is in neither.
    /// `false` when somebody who reads kept it from that.
    pub(super) async fn checkpoint(&self) -> Result<bool> {
        let rows = fetch(&self.writer, "PRAGMA wal_checkpoint(TRUNCATE)", &[]).await?;
        Ok(rows.first().map(|row| row.int("busy")).transpose()? == Some(0))
    }

    pub(super) fn presence(&self) -> &Presence {
        &self.presence
    }

    pub(super) fn connections(&self) -> Connections {
        let open = (self.writer.size() + self.readers.size()) as usize;
        Connections { open, in_use: open.saturating_sub(self.writer.num_idle() + self.readers.num_idle()) }
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
        self.presence.leave();
    }

    #[cfg(test)]
    pub(super) const fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    #[cfg(test)]
    pub(super) async fn prepare(&self, sql: &str) -> Result<()> {
        let mut connection = self.writer.acquire().await.map_err(fault)?;
        connection.prepare(AssertSqlSafe(sql).into_sql_str()).await.map(drop).map_err(fault)
    }
}

pub(super) async fn execute(tx: &mut Transaction<'static, Sqlite>, sql: &'static str, values: &[Value]) -> Result<u64> {
    let query = sqlx::query_with(sql, arguments(values)?);
    query.execute(&mut **tx).await.map(|done| done.rows_affected()).map_err(fault)
}

pub(super) async fn execute_many(
    tx: &mut Transaction<'static, Sqlite>,
    batch: &'static Batch,
    values: &[Value],
) -> Result<u64> {
    let mut written = 0;
    for (sql, values) in batch.chunks(values) {
        let query = sqlx::query_with(AssertSqlSafe(sql).into_sql_str(), arguments(values)?);
        written += query.execute(&mut **tx).await.map_err(fault)?.rows_affected();
    }
    Ok(written)
}

/// A failure of a transaction; tried again while another program holds the database.
fn failure(error: Error) -> Failure {
    let may_retry = is_busy(&error);
    Failure { error, may_retry }
}

/// Connects; tries again while another program is just making the database, which SQLite itself does not wait for.
async fn connect(url: &str, pool: PoolOptions<Sqlite>, options: SqliteConnectOptions) -> Result<SqlitePool> {
    let begun = Instant::now();
    loop {
        match pool.clone().connect_with(options.clone()).await {
            Ok(pool) => return Ok(pool),
            Err(sqlx::Error::Database(fault))
                if primary_code(fault.as_ref()) == SQLITE_BUSY && begun.elapsed() < ACQUIRE =>
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(fault) => return Err(cannot_open(url, fault)),
        }
    }
}

fn pool(size: u32) -> PoolOptions<Sqlite> {
    PoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(is_usable(connection)))
}

pub(super) async fn fetch<'e, E>(executor: E, sql: &'static str, values: &[Value]) -> Result<Vec<Row>>
where
    E: Executor<'e, Database = Sqlite>,
{
    let query = sqlx::query_with(sql, arguments(values)?);
    let rows = query.fetch_all(executor).await.map_err(fault)?;
    Ok(rows.into_iter().map(Row::Sqlite).collect())
}

fn arguments(values: &[Value]) -> Result<SqliteArguments> {
    let mut arguments = SqliteArguments::default();
    sqlx::Arguments::reserve(&mut arguments, values.len(), 0);
    for value in values {
        value.add_to_sqlite(&mut arguments)?;
    }
    Ok(arguments)
}

pub(super) fn options(url: &str, durability: Durability) -> Result<SqliteConnectOptions> {
    let accepted = accepted();
    if url.contains(":memory:") || url.contains("mode=memory") {
        let message = "a database in memory would vanish with its connection; use the memory store instead";
        return Err(Error::invalid("DATABASE_URL", message));
    }
    if url.trim_start_matches("sqlite:").trim_start_matches('/').split('?').next().is_none_or(str::is_empty) {
        return Err(Error::invalid("DATABASE_URL", format!("names no file; {accepted}")));
    }
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|fault| Error::invalid("DATABASE_URL", format!("cannot be read; {accepted}")).with_source(fault))?;
    Ok(options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(match durability {
            // A commit that was acknowledged survives a loss of power; group commit pays for it.
            Durability::Full => SqliteSynchronous::Full,
            // The log is written, but not waited for; a loss of power costs its end, never the database.
            Durability::Process => SqliteSynchronous::Normal,
        })
        .foreign_keys(true)
        .busy_timeout(BUSY)
        // A statement over many rows keeps what it may have to undo aside: in memory, not in a file.
        .pragma("temp_store", "MEMORY")
        // Pages: 16 MiB of log between checkpoints, so that a page that many commits write is copied once.
        .pragma("wal_autocheckpoint", "4000")
        // KiB, when negative.
        .pragma("cache_size", "-16384")
        // Every statement has its index. Where there are statistics, SQLite would rather read a whole table beside an
        // index that it makes of the rows of a batch, whose number it overrates.
        .pragma("automatic_index", "OFF")
        // What is deleted is overwritten, not only let go of.
        .pragma("secure_delete", "ON")
        .statement_cache_capacity(256)
        .disable_statement_logging())
}

/// Conversations are nobody else's to read: a new file is its owner's alone, and SQLite gives its log the same rights.
/// A file that cannot be made is told by the opening that follows.
fn make_private_file(options: &SqliteConnectOptions) {
    let mut file = std::fs::OpenOptions::new();
    file.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    drop(file.open(options.get_filename()));
}

async fn check_version(pool: &SqlitePool) -> Result<()> {
    let rows = fetch(pool, "SELECT sqlite_version() AS version", &[]).await?;
    let version = rows.first().map(|row| row.text("version")).transpose()?.unwrap_or_default();
    let numbers: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    if numbers.as_slice() >= OLDEST_SQLITE.as_slice() {
        return Ok(());
    }
    let [major, minor, patch] = OLDEST_SQLITE;
    Err(Error::internal(format!("SQLite {version} can corrupt its log; {major}.{minor}.{patch} or newer is needed")))
}

/// Whether a connection is between transactions. SQLite itself rolls back when the disk is full; the driver's own
/// rollback then fails, and it would go on believing in a transaction that is gone: such a connection is replaced.
async fn is_usable(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // Brings a rollback that still waits to its end.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// Only its own operator sees this one, at the start, so it may name the file.
pub(super) fn cannot_open(url: &str, fault: sqlx::Error) -> Error {
    Error::unavailable(format!("the database {url} cannot be opened")).with_source(fault)
}

/// SQLite's primary result code: the low byte of the extended one. See sqlite.org/rescode.html.
fn primary_code(fault: &dyn sqlx::error::DatabaseError) -> u32 {
    fault.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or(0) & 0xff
}

const SQLITE_BUSY: u32 = 5;

/// Faults of the place rather than of the statement: busy, locked, read-only, I/O, full, cannot open.
pub(super) fn passes(fault: &dyn sqlx::error::DatabaseError) -> bool {
    matches!(primary_code(fault), SQLITE_BUSY | 6 | 8 | 10 | 13 | 14)
}

fn is_busy(error: &Error) -> bool {
    matches!(source(error), Some(sqlx::Error::Database(fault)) if primary_code(fault.as_ref()) == SQLITE_BUSY)
}

#[cfg(test)]
#[path = "sqlite_tests.rs"]
mod tests;
