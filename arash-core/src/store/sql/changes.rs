//! Which changes of the schema a database has, without changing it.

use sqlx::ConnectOptions;

use crate::error::{Error, Result};
use crate::store::sql::fault::{accepted, fault};
use crate::store::sql::{SqlStore, migrations};

/// A change of the schema, and whether a database has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaChange {
    /// Its place among all changes, from 1 on.
    pub version: i64,
    /// What it is called.
    pub name: &'static str,
    /// Whether the database has it.
    pub is_applied: bool,
}

/// Where the migrator writes down what it did.
const APPLIED: &str = "SELECT version FROM _sqlx_migrations WHERE success";

impl SqlStore {
    /// Every change of the schema, oldest first, and which of them the database behind `url` has. Changes nothing: a
    /// SQLite file that is not there is not made. [`SqlStore::open`] makes those that are missing.
    ///
    /// # Errors
    /// Those of [`SqlStore::open`].
    pub async fn schema_changes(url: &str) -> Result<Vec<SchemaChange>> {
        let applied = match url.split_once(':').map(|(scheme, _)| scheme) {
            #[cfg(feature = "sqlite")]
            Some("sqlite") => of_sqlite(url).await?,
            #[cfg(feature = "postgres")]
            Some("postgres" | "postgresql") => of_postgres(url).await?,
            _ => {
                let message = format!("is not the address of a database that is built in; {}", accepted());
                return Err(Error::invalid("DATABASE_URL", message));
            }
        };
        let change = |&(version, name, _)| SchemaChange { version, name, is_applied: applied.contains(&version) };
        Ok(migrations::ALL.iter().map(change).collect())
    }
}

#[cfg(feature = "sqlite")]
async fn of_sqlite(url: &str) -> Result<Vec<i64>> {
    use sqlx::sqlite::SqliteConnectOptions;

    use crate::store::Durability;
    use crate::store::sql::sqlite::{cannot_open, options};
    let options = options(url, Durability::default())?;
    let file = options.get_filename();
    if !file.exists() {
        return Ok(Vec::new());
    }
    // Without the other options: some of them write to a file that is new.
    let mut connection = SqliteConnectOptions::new()
        .filename(file)
        .read_only(true)
        .connect()
        .await
        .map_err(|fault| cannot_open(url, fault))?;
    let is_known = "SELECT COUNT(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'";
    if sqlx::query_scalar::<_, i64>(is_known).fetch_one(&mut connection).await.map_err(fault)? == 0 {
        return Ok(Vec::new());
    }
    sqlx::query_scalar(APPLIED).fetch_all(&mut connection).await.map_err(fault)
}

#[cfg(feature = "postgres")]
async fn of_postgres(url: &str) -> Result<Vec<i64>> {
    use crate::store::sql::fault::SqlFault;
    use crate::store::sql::postgres::server;
    let cannot_open = |fault| Error::unavailable("the database cannot be opened").with_source(SqlFault(fault));
    let mut connection = server(url)?.connect().await.map_err(cannot_open)?;
    let is_known = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
    if !sqlx::query_scalar::<_, bool>(is_known).fetch_one(&mut connection).await.map_err(fault)? {
        return Ok(Vec::new());
    }
    sqlx::query_scalar(APPLIED).fetch_all(&mut connection).await.map_err(fault)
}

#[cfg(all(test, feature = "sqlite", feature = "postgres", feature = "testing"))]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::testing::PostgresDatabase;

    async fn is_applied(url: &str) -> Result<Vec<bool>> {
        let changes = SqlStore::schema_changes(url).await?;
        Ok(changes.iter().map(|change| change.is_applied).collect())
    }

    #[tokio::test]
    async fn what_a_database_lacks_is_told_and_nothing_is_made() {
        let (folder, database) = (tempfile::tempdir().unwrap(), PostgresDatabase::create().await);
        let file = folder.path().join("test.db");
        let address = format!("sqlite://{}", file.display());
        for url in [&*address, database.url()] {
            assert_eq!(is_applied(url).await.unwrap(), [false]);
            assert!(!file.exists());
            SqlStore::open(url).await.unwrap().close().await;
            assert_eq!(is_applied(url).await.unwrap(), [true]);
            // What is there is not made anew, also not what is there but empty.
            drop(std::fs::remove_file(&file));
        }
        std::fs::write(&file, "").unwrap();
        assert_eq!(is_applied(&address).await.unwrap(), [false]);
        assert_eq!(std::fs::metadata(&file).unwrap().len(), 0);
    }

    #[tokio::test]
    async fn what_is_no_database_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("test.db");
        std::fs::write(
            &file,
            "this is a text, and no database at all; of more than a hundred bytes, as there".repeat(9),
        )
        .unwrap();
        for url in [format!("sqlite://{}", file.display()), "mysql://host/name".to_owned(), String::new()] {
            assert!(SqlStore::schema_changes(&url).await.is_err(), "{url}");
        }
    }
}
