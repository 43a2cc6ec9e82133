use std::borrow::Cow;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{SqlSafeStr, SqlitePool};

use crate::error::{Error, Result};

/// Every change of the schema, oldest first. One that was released is never edited.
const ALL: [(i64, &str, &str); 1] = [(1, "initial", include_str!("../../../migrations/sqlite/0001_initial.sql"))];

/// How often it is tried when another program is doing the same.
const ATTEMPTS: u32 = 5;

/// Brings the schema up to date.
pub(super) async fn run(pool: &SqlitePool) -> Result<()> {
    let migration = |&(version, name, sql): &(i64, &'static str, &'static str)| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
    };
    let migrator = Migrator::with_migrations(ALL.iter().map(migration).collect());
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

fn refused(fault: MigrateError) -> Error {
    let text = match &fault {
        MigrateError::VersionMissing(_) => "the database was written by a newer version of this program",
        MigrateError::VersionMismatch(_) => "the database was made by another version of this program's schema",
        _ => "the database's schema could not be brought up to date",
    };
    Error::internal(text).with_source(fault)
}
