use std::borrow::Cow;
#[cfg(feature = "sqlite")]
use std::time::Duration;

use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use crate::error::{Error, Result};
use crate::store::sql::text::{Dialect, Sql};

/// Every change of the schema, oldest first. One that was released is never edited.
const ALL: [(i64, &str, Sql); 1] = [(
    1,
    "initial",
    Sql::each(
        include_str!("../../../migrations/sqlite/0001_initial.sql"),
        include_str!("../../../migrations/postgres/0001_initial.sql"),
    ),
)];

fn migrator(dialect: Dialect) -> Migrator {
    let migration = |&(version, name, sql): &(i64, &'static str, Sql)| {
        let text = sql.text(dialect).into_sql_str();
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, text, false)
    };
    Migrator::with_migrations(ALL.iter().map(migration).collect())
}

/// How often it is tried when another program is doing the same.
#[cfg(feature = "sqlite")]
const ATTEMPTS: u32 = 5;

/// Brings the schema up to date.
#[cfg(feature = "sqlite")]
pub(super) async fn run_sqlite(pool: &sqlx::SqlitePool) -> Result<()> {
    let migrator = migrator(Dialect::Sqlite);
    for attempt in 1.. {
        match migrator.run(pool).await {
            Ok(()) => break,
            // Two programs that start at once may meet here; the later one then finds the work done.
            Err(MigrateError::Execute(_) | MigrateError::ExecuteMigration(..)) if attempt < ATTEMPTS => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(fault) => return Err(refused(fault)),
        }
    }
    Ok(())
}

/// Brings the schema up to date, one node at a time: the migrator takes a lock on the server.
#[cfg(feature = "postgres")]
pub(super) async fn run_postgres(pool: &sqlx::PgPool) -> Result<()> {
    // A connection of its own, closed at the end: a long migration has all the time it needs.
    let mut connection = pool.acquire().await.map_err(crate::store::sql::fault::fault)?.detach();
    let unlimited = sqlx::Executor::execute(&mut connection, "SET statement_timeout = 0");
    unlimited.await.map_err(crate::store::sql::fault::fault)?;
    migrator(Dialect::Postgres).run(&mut connection).await.map_err(refused)
}

fn refused(fault: MigrateError) -> Error {
    let text = match &fault {
        MigrateError::VersionMissing(_) => "the database was written by a newer version of this program",
        MigrateError::VersionMismatch(_) => "the database was made by another version of this program's schema",
        _ => "the database's schema could not be brought up to date",
    };
    Error::internal(text).with_source(fault)
}
