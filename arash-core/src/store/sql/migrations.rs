use std::borrow::Cow;
#[cfg(feature = "sqlite")]
use std::time::Duration;

use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use crate::error::{Error, Result};
use crate::store::sql::text::{Dialect, Sql};

/// Every change of the schema, oldest first. One that was released is never edited.
pub(super) const ALL: [(i64, &str, Sql); 1] = [(
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

#[cfg(all(test, feature = "sqlite", feature = "postgres", feature = "testing"))]
mod tests {
    use std::collections::BTreeMap;

    use sqlx::{Connection, Row};

    use crate::store::{SqlStore, Store};
    use crate::testing::PostgresDatabase;

    const SQLITE: &str =
        "SELECT m.name AS tab, p.name AS col, p.type AS kind, p.\"notnull\" = 0 AS may_be_null, p.pk > 0 AS is_key
        FROM sqlite_schema m JOIN pragma_table_info(m.name) p
        WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> '_sqlx_migrations'";
    const POSTGRES: &str =
        "SELECT c.relname::TEXT AS tab, a.attname::TEXT AS col, format_type(a.atttypid, NULL) AS kind,
            NOT a.attnotnull AS may_be_null, COALESCE(a.attnum = ANY(i.indkey), FALSE) AS is_key
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
        WHERE c.relnamespace = 'public'::REGNAMESPACE AND c.relkind IN ('r', 'p') AND NOT c.relispartition
            AND c.relname <> '_sqlx_migrations'";

    /// Of each column: its kind, whether it may be null, and whether it is part of the primary key.
    type Columns = BTreeMap<(String, String), (String, bool, bool)>;

    macro_rules! columns {
        ($rows:expr) => {
            $rows
                .iter()
                .map(|row| {
                    let place = (row.get("tab"), row.get("col"));
                    (place, (row.get("kind"), row.get("may_be_null"), row.get("is_key")))
                })
                .collect::<Columns>()
        };
    }

    #[tokio::test]
    async fn both_engines_have_one_schema() {
        let (folder, database) = (tempfile::tempdir().unwrap(), PostgresDatabase::create().await);
        let file = format!("sqlite://{}/test.db", folder.path().display());
        for url in [&file, database.url()] {
            SqlStore::open(url).await.unwrap().close().await;
        }
        let mut sqlite = sqlx::SqliteConnection::connect(&file).await.unwrap();
        let sqlite: Columns = columns!(sqlx::query(SQLITE).fetch_all(&mut sqlite).await.unwrap());
        let mut postgres = sqlx::PgConnection::connect(database.url()).await.unwrap();
        let postgres: Columns = columns!(sqlx::query(POSTGRES).fetch_all(&mut postgres).await.unwrap());
        assert!(sqlite.len() > 100, "{sqlite:?}");
        assert_eq!(sqlite.keys().collect::<Vec<_>>(), postgres.keys().collect::<Vec<_>>());
        for (place, (kind, may_be_null, is_key)) in &sqlite {
            let (other_kind, other_null, other_key) = &postgres[place];
            let same = match kind.as_str() {
                "INTEGER" => ["bigint", "boolean"].contains(&other_kind.as_str()),
                "BLOB" => ["uuid", "bytea"].contains(&other_kind.as_str()),
                _ => kind.eq_ignore_ascii_case(other_kind),
            };
            assert!(same, "{place:?}: {kind} and {other_kind}");
            assert_eq!(is_key, other_key, "{place:?}");
            // What is a row's own number is never null, though SQLite does not say so.
            assert!(may_be_null == other_null || *is_key, "{place:?}");
        }
    }

    #[tokio::test]
    async fn nodes_that_start_at_once_share_a_new_database() {
        let database = PostgresDatabase::create().await;
        let opened = futures_util::future::join_all((0..6).map(|_| SqlStore::open(database.url()))).await;
        for store in opened {
            store.unwrap().close().await;
        }
    }
}
