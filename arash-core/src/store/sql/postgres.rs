//! PostgreSQL: many connections, many nodes.

use std::str::FromStr;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgPool, Postgres, SqlSafeStr};
use tokio::time::Instant;

use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::store::sql::batch::{Batch, Kind};
use crate::store::sql::db::Tx;
use crate::store::sql::fault::{Failure, SqlFault, accepted, fault, source};
use crate::store::sql::migrations;
use crate::store::sql::partitions;
use crate::store::sql::value::{Row, Value, not_bound};
use crate::store::{Connections, Durability, SqlOptions};

/// Longest wait for a server that is just starting, when this program starts.
const START: Duration = Duration::from_secs(10);

/// A PostgreSQL database.
#[derive(Clone)]
pub(super) struct PostgresDb {
    pool: PgPool,
}

impl PostgresDb {
    pub(super) const ATTEMPTS: u32 = 4;
    /// Most connections of one node.
    pub(super) const CONNECTIONS: u32 = 16;
    /// Longest wait for what is asked of the server, from asking for a connection to the last answer. Beyond it the
    /// connection is given up and the caller is told to come back.
    pub(super) const PATIENCE: Duration = Duration::from_secs(2);

    pub(super) async fn open(url: &str, options: SqlOptions) -> Result<Self> {
        let server = server(url)?;
        let place = format!("{} at {}:{}", server.get_database().unwrap_or(""), server.get_host(), server.get_port());
        let pool = pool(options.durability).connect_lazy_with(server);
        drop(first_connection(&pool, &place).await?);
        warn_of_no_fsync(&pool).await?;
        migrations::run_postgres(&pool).await?;
        let db = Self { pool };
        if let Err(error) = partitions::keep_ahead(&db, SystemClock.now()).await {
            // Rows find a place all the same, and upkeep tries again.
            tracing::warn!(error = ?error, "the tables of the coming weeks could not be made");
        }
        Ok(db)
    }

    pub(super) const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Runs one statement by itself. One that finds its connection dead is sent again on another, within its time.
    pub(super) async fn run(&self, sql: &'static str, values: &[Value], until: Instant) -> Result<Vec<Row>> {
        let running = async {
            loop {
                let mut held = self.hold().await?;
                match held.fetch(sql, values).await {
                    Err(error) if is_broken(&error) => {}
                    result => {
                        held.is_clean = result.is_ok() || !held.is_broken;
                        return result;
                    }
                }
            }
        };
        tokio::time::timeout_at(until, running).await.unwrap_or_else(|_| Err(no_answer()))
    }

    pub(super) async fn attempt<T, F>(
        &self,
        (name, durability): (&'static str, Durability),
        until: Instant,
        work: &mut F,
    ) -> Result<T, Failure>
    where
        F: for<'t> FnMut(&'t mut Tx) -> BoxFuture<'t, Result<T>>,
    {
        // Whatever is cut short here takes its connection with it: nothing half done goes back to the pool.
        let running = async {
            let mut held = self.begin().await.map_err(Failure::last)?;
            if durability == Durability::Process {
                held.execute("SET LOCAL synchronous_commit = 'off'", &[]).await.map_err(in_transaction)?;
            }
            let mut tx = Tx::Postgres(held);
            let result = work(&mut tx).await;
            let Tx::Postgres(mut held) = tx else {
                return Err(Failure::last(Error::internal("a transaction changed its database")));
            };
            match result {
                Ok(done) => {
                    crate::fail_point::fail_point(format_args!("before {name}"));
                    held.execute("COMMIT", &[]).await.map_err(Failure::last)?;
                    crate::fail_point::fail_point(format_args!("after {name}"));
                    held.is_clean = true;
                    Ok(done)
                }
                Err(error) => {
                    if !held.is_broken {
                        held.is_clean = held.execute("ROLLBACK", &[]).await.is_ok();
                    }
                    Err(in_transaction(error))
                }
            }
        };
        tokio::time::timeout_at(until, running).await.unwrap_or_else(|_| Err(Failure::last(no_answer())))
    }

    /// Begins a transaction, on another connection where one turns out to be dead.
    async fn begin(&self) -> Result<Held> {
        loop {
            let mut held = self.hold().await?;
            match held.execute("BEGIN", &[]).await {
                Ok(_) => return Ok(held),
                Err(error) if is_broken(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn hold(&self) -> Result<Held> {
        Ok(Held { connection: Some(self.pool.acquire().await.map_err(fault)?), is_clean: false, is_broken: false })
    }

    pub(super) fn connections(&self) -> Connections {
        let open = self.pool.size() as usize;
        Connections { open, in_use: open.saturating_sub(self.pool.num_idle()) }
    }

    pub(super) async fn close(&self) {
        // A server that does not answer must not keep the program from ending.
        drop(tokio::time::timeout(Self::PATIENCE, self.pool.close()).await);
    }

    #[cfg(test)]
    pub(super) async fn prepare(&self, sql: &str) -> Result<()> {
        let mut connection = self.pool.acquire().await.map_err(fault)?;
        connection.prepare(AssertSqlSafe(sql).into_sql_str()).await.map(drop).map_err(fault)
    }
}

/// A connection that is given up when dropped, unless it is known to be between transactions.
pub(super) struct Held {
    connection: Option<PoolConnection<Postgres>>,
    is_clean: bool,
    is_broken: bool,
}

impl Held {
    pub(super) async fn execute(&mut self, sql: &'static str, values: &[Value]) -> Result<u64> {
        let query = sqlx::query_with(sql, arguments(values)?);
        let done = query.execute(self.connection()?).await.map(|done| done.rows_affected()).map_err(fault);
        self.noting(done)
    }

    pub(super) async fn fetch(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>> {
        let query = sqlx::query_with(sql, arguments(values)?);
        let rows = query.fetch_all(self.connection()?).await.map_err(fault);
        self.noting(rows).map(|rows| rows.into_iter().map(Row::Postgres).collect())
    }

    pub(super) async fn execute_many(&mut self, batch: &'static Batch, values: &[Value]) -> Result<u64> {
        let query = sqlx::query_with(AssertSqlSafe(batch.with_arrays()).into_sql_str(), arrays(batch, values)?);
        let done = query.execute(self.connection()?).await.map(|done| done.rows_affected()).map_err(fault);
        self.noting(done)
    }

    fn connection(&mut self) -> Result<&mut sqlx::PgConnection> {
        self.connection.as_deref_mut().ok_or_else(|| Error::internal("a connection is gone"))
    }

    fn noting<T>(&mut self, result: Result<T>) -> Result<T> {
        self.is_broken |= result.as_ref().err().is_some_and(|error| is_broken(error) || only_reads(error));
        result
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.is_clean
            && let Some(connection) = self.connection.take()
        {
            // Not by a polite farewell: the server may be the one that does not answer.
            drop(connection.detach());
        }
    }
}

fn pool(durability: Durability) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(PostgresDb::CONNECTIONS)
        .acquire_timeout(PostgresDb::PATIENCE)
        .test_before_acquire(false)
        .after_connect(move |connection, _| Box::pin(async move { prepare_session(connection, durability).await }))
}

/// What every connection begins with. The server ends what this program gave up, so that its locks go too.
async fn prepare_session(connection: &mut sqlx::PgConnection, durability: Durability) -> Result<(), sqlx::Error> {
    connection.execute("SET statement_timeout = '3s'; SET idle_in_transaction_session_timeout = '5s'").await?;
    connection
        .execute(match durability {
            // A server that was set not to wait for its disk is overruled; one that waits for more is not.
            Durability::Full => {
                "SELECT set_config('synchronous_commit', 'on', false)
                 WHERE current_setting('synchronous_commit') = 'off'"
            }
            Durability::Process => "SET synchronous_commit = 'off'",
        })
        .await?;
    Ok(())
}

/// The first connection tells what is wrong with the address; a server that is just starting is waited for.
/// How a server is reached.
pub(super) fn server(url: &str) -> Result<PgConnectOptions> {
    let server = PgConnectOptions::from_str(url)
        .map_err(|fault| Error::invalid("DATABASE_URL", format!("cannot be read; {}", accepted())).with_source(fault))?
        .statement_cache_capacity(256)
        .disable_statement_logging();
    Ok(match server.get_application_name() {
        Some(_) => server,
        None => server.application_name("arash"),
    })
}

async fn first_connection(pool: &PgPool, place: &str) -> Result<PoolConnection<Postgres>> {
    let begun = Instant::now();
    loop {
        match pool.acquire().await {
            Ok(connection) => return Ok(connection),
            Err(fault) if is_starting(&fault) && begun.elapsed() < START => {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Err(fault) => {
                let text = format!("the database {place} cannot be opened");
                return Err(Error::unavailable(text).with_source(SqlFault(fault)));
            }
        }
    }
}

fn is_starting(fault: &sqlx::Error) -> bool {
    match fault {
        // A certificate that does not hold today will not in a moment.
        sqlx::Error::Io(fault) => fault.kind() != std::io::ErrorKind::InvalidData,
        sqlx::Error::PoolTimedOut => true,
        // cannot_connect_now
        sqlx::Error::Database(fault) => fault.code().as_deref() == Some("57P03"),
        _ => false,
    }
}

async fn warn_of_no_fsync(pool: &PgPool) -> Result<()> {
    let fsync: String = sqlx::query_scalar("SHOW fsync").fetch_one(pool).await.map_err(fault)?;
    if fsync == "off" {
        tracing::warn!("this PostgreSQL server runs with fsync off: a loss of power may cost everything in it");
    }
    Ok(())
}

fn arguments(values: &[Value]) -> Result<PgArguments> {
    let mut arguments = PgArguments::default();
    for value in values {
        value.add_to_postgres(&mut arguments)?;
    }
    Ok(arguments)
}

/// The rows, whose values stand one after the other, as one array a column.
fn arrays(batch: &Batch, values: &[Value]) -> Result<PgArguments> {
    let (mut arguments, width) = (PgArguments::default(), batch.columns.len());
    for (column, kind) in batch.columns.iter().enumerate() {
        let values = values.iter().skip(column).step_by(width);
        let added = match kind {
            Kind::Bool => add_array(&mut arguments, values, |value| match value {
                Value::Bool(value) => Some(*value),
                _ => None,
            }),
            Kind::Int => add_array(&mut arguments, values, |value| match value {
                Value::Int(value) => Some(*value),
                _ => None,
            }),
            Kind::Text => add_array(&mut arguments, values, |value| match value {
                Value::Text(value) => Some(&**value),
                _ => None,
            }),
            Kind::Bytes => add_array(&mut arguments, values, |value| match value {
                Value::Bytes(value) => Some(&**value),
                _ => None,
            }),
            Kind::Uuid => add_array(&mut arguments, values, |value| match value {
                Value::Uuid(value) => Some(*value),
                _ => None,
            }),
        };
        added?;
    }
    Ok(arguments)
}

fn add_array<'v, T>(
    arguments: &mut PgArguments,
    values: impl Iterator<Item = &'v Value>,
    read: impl Fn(&'v Value) -> Option<T>,
) -> Result<()>
where
    Vec<Option<T>>: sqlx::Encode<'v, Postgres> + sqlx::Type<Postgres>,
{
    let mut array = Vec::with_capacity(values.size_hint().0);
    for value in values {
        let read = read(value);
        if read.is_none() && !matches!(value, Value::Null) {
            return Err(Error::internal("a value of a batch is of another kind than its column"));
        }
        array.push(read);
    }
    sqlx::Arguments::add(arguments, array).map_err(not_bound)
}

fn no_answer() -> Error {
    Error::unavailable("storage did not answer in time")
}

/// A failure before the commit: nothing is left behind, so it may be tried again where that may help.
fn in_transaction(error: Error) -> Failure {
    let may_retry = is_broken(&error) || is_in_the_way(&error);
    Failure { error, may_retry }
}

/// Whether the connection is of no more use.
fn is_broken(error: &Error) -> bool {
    match source(error) {
        Some(sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_)) => true,
        // The server ends it: admin_shutdown, crash_shutdown, idle_in_transaction_session_timeout.
        Some(sqlx::Error::Database(fault)) => matches!(fault.code().as_deref(), Some("57P01" | "57P02" | "25P03")),
        _ => false,
    }
}

/// Whether the server at the other end only reads, as one that was replaced: a new connection may lead elsewhere.
fn only_reads(error: &Error) -> bool {
    matches!(source(error), Some(sqlx::Error::Database(fault)) if fault.code().as_deref() == Some("25006"))
}

/// Another transaction was in the way: `serialization_failure`, `deadlock_detected`.
fn is_in_the_way(error: &Error) -> bool {
    let code = match source(error) {
        Some(sqlx::Error::Database(fault)) => fault.code(),
        _ => None,
    };
    error.kind() == ErrorKind::Unavailable && matches!(code.as_deref(), Some("40001" | "40P01"))
}

/// Faults of the place or the moment: the classes 08 (connection), 28 (who may come in), 3D (the database is not there), 40
/// (rollback), 53 (resources), 55 (locks), 57 (operator), 58 (system), and a server that only reads, as after a failover.
/// See postgresql.org/docs/current/errcodes-appendix.html.
pub(super) fn passes(fault: &dyn sqlx::error::DatabaseError) -> bool {
    let code = fault.code();
    let code = code.as_deref().unwrap_or_default();
    code == "25006"
        || code == "25P03"
        || ["08", "28", "3D", "40", "53", "55", "57", "58"].iter().any(|class| code.starts_with(class))
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::testing::PostgresDatabase;

    #[test]
    fn only_what_may_change_soon_is_waited_for_at_the_start() {
        let io = |kind| is_starting(&sqlx::Error::Io(std::io::Error::from(kind)));
        assert!(io(std::io::ErrorKind::ConnectionRefused) && is_starting(&sqlx::Error::PoolTimedOut));
        assert!(!io(std::io::ErrorKind::InvalidData), "a certificate that does not hold");
    }

    #[tokio::test]
    async fn commits_wait_for_the_disk_unless_they_need_not() {
        let database = PostgresDatabase::create().await;
        // A server that was set not to wait is overruled, where waiting is asked for.
        let name = database.url().rsplit('/').next().unwrap().split('?').next().unwrap();
        let mut connection = PgConnectOptions::from_str(database.url()).unwrap().connect().await.unwrap();
        let careless = format!("ALTER DATABASE {name} SET synchronous_commit = off");
        connection.execute(AssertSqlSafe(careless)).await.unwrap();
        for (durability, expected) in [(Durability::Full, "on"), (Durability::Process, "off")] {
            let options = SqlOptions::default().durability(durability);
            let db = PostgresDb::open(database.url(), options).await.unwrap();
            let found: String = sqlx::query_scalar("SHOW synchronous_commit").fetch_one(db.pool()).await.unwrap();
            assert_eq!(found, expected, "{durability:?}");
            db.close().await;
        }
    }
}
