//! SQLite: one file, one writer.

use std::str::FromStr;
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
        let writer = connect(url, pool(1), options.clone()).await?;
        let readers = connect(url, pool(READERS), options.read_only(true).create_if_missing(false)).await?;
        opener.close().await;
        Ok(Self { writer, readers })
    }

    pub(super) async fn attempt<T, F>(&self, name: &'static str, work: &mut F) -> Result<T, Failure>
    where
        F: for<'t> FnMut(&'t mut Tx) -> BoxFuture<'t, Result<T>>,
    {
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

    pub(super) fn connections(&self) -> Connections {
        let open = (self.writer.size() + self.readers.size()) as usize;
        Connections { open, in_use: open.saturating_sub(self.writer.num_idle() + self.readers.num_idle()) }
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
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
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::error::ErrorKind;
    use crate::store::sql::db::Db;
    use crate::store::sql::text::Sql;
    use crate::store::{SqlStore, Store};

    #[tokio::test]
    async fn a_database_that_another_program_holds_is_told_soon_and_works_again() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/test.db", folder.path().display());
        let db = Db::open(&url, SqlOptions::default()).await.unwrap();
        let other = pool(1).connect_with(options(&url, Durability::Full).unwrap()).await.unwrap();
        let held = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let asked = execute(&db, EPOCH, vec![]);
        let refused = tokio::time::timeout(Duration::from_secs(4), asked).await.unwrap().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unavailable);
        assert!(refused.retry_after().is_some());
        held.rollback().await.unwrap();
        execute(&db, EPOCH, vec![]).await.unwrap();
        other.close().await;
        db.close().await;
    }

    #[tokio::test]
    async fn commits_wait_for_the_disk_unless_they_need_not() {
        const SYNCHRONOUS: &str = "SELECT synchronous FROM pragma_synchronous";
        // sqlite.org/pragma.html#pragma_synchronous: 2 is FULL, 1 is NORMAL.
        for (durability, expected) in [(Durability::Full, 2), (Durability::Process, 1)] {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}/test.db", folder.path().display());
            let db = SqliteDb::open(&url, SqlOptions::default().durability(durability)).await.unwrap();
            let rows = fetch(&db.writer, SYNCHRONOUS, &[]).await.unwrap();
            assert_eq!(rows[0].int("synchronous").unwrap(), expected, "{durability:?}");
            db.close().await;
        }
    }

    #[tokio::test]
    async fn programs_that_start_at_once_share_a_new_database() {
        for _ in 0..3 {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}/test.db", folder.path().display());
            let opened = futures_util::future::join_all((0..8).map(|_| Db::open(&url, SqlOptions::default()))).await;
            for db in opened {
                db.unwrap().close().await;
            }
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_new_database_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let store = SqlStore::open(&format!("sqlite://{}/test.db", folder.path().display())).await.unwrap();
        for file in ["test.db", "test.db-wal", "test.db-shm"] {
            let mode = std::fs::metadata(folder.path().join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
        store.close().await;
    }

    const EPOCH: Sql = Sql::both("UPDATE node_epochs SET epoch = epoch");
    const FILLER: Sql = Sql::both("CREATE TABLE filler (data BLOB NOT NULL) STRICT");
    const FILLED: Sql = Sql::both("SELECT data FROM filler");
    const GROW: Sql = Sql::both("INSERT INTO filler VALUES (zeroblob($1))");
    const TOUCH: Sql = Sql::both("UPDATE filler SET data = data WHERE rowid = 1");

    async fn execute(db: &Db, sql: Sql, values: Vec<Value>) -> Result<u64> {
        db.transact("test", move |tx| {
            let values = values.clone();
            Box::pin(async move { tx.execute(sql, &values).await })
        })
        .await
    }

    /// A database whose every writing connection finds room for so many pages and no more.
    async fn db_of_pages(folder: &tempfile::TempDir, pages: &Arc<AtomicU32>) -> Db {
        let url = format!("sqlite://{}/test.db", folder.path().display());
        let opened = SqliteDb::open(&url, SqlOptions::default()).await.unwrap();
        opened.writer.close().await;
        let limit = Arc::clone(pages);
        let limited = pool(1).before_acquire(move |connection, _| {
            let pragma = format!("PRAGMA max_page_count = {}", limit.load(Ordering::SeqCst));
            Box::pin(async move {
                let is_usable = is_usable(connection).await?;
                connection.execute(AssertSqlSafe(pragma)).await?;
                Ok(is_usable)
            })
        });
        let writer = limited.connect_with(options(&url, Durability::Full).unwrap()).await.unwrap();
        Db::of_sqlite(SqliteDb { writer, ..opened })
    }

    #[tokio::test]
    async fn a_full_disk_is_told_and_does_no_harm_once_there_is_room_again() {
        const PLENTY: u32 = 1_000_000;
        let (folder, pages) = (tempfile::tempdir().unwrap(), Arc::new(AtomicU32::new(PLENTY)));
        let db = db_of_pages(&folder, &pages).await;
        let store = SqlStore { db: db.clone(), is_log_to_be_emptied: Arc::default() };
        execute(&db, FILLER, vec![]).await.unwrap();
        execute(&db, GROW, vec![100_i64.into()]).await.unwrap();
        // SQLite takes it for the size that the database has.
        pages.store(1, Ordering::SeqCst);
        for _ in 0..3 {
            let full = execute(&db, GROW, vec![1_000_000_i64.into()]).await.unwrap_err();
            assert_eq!(full.kind(), ErrorKind::Unavailable, "{full:?}");
            // What needs no room can still be written, and storage is as well as that.
            assert_eq!(execute(&db, TOUCH, vec![]).await.unwrap(), 1);
            store.health().await.unwrap();
        }
        assert_eq!(db.fetch_all(FILLED, &[]).await.unwrap().len(), 1, "nothing is half written");
        pages.store(PLENTY, Ordering::SeqCst);
        for _ in 0..3 {
            execute(&db, GROW, vec![1_000_000_i64.into()]).await.unwrap();
            store.health().await.unwrap();
        }
        store.close().await;
    }
}
