//! A database of one size, and a connection to fill it.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use arash_core::store::{SqlStore, Store};
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Executor, PgConnection, Row, SqliteConnection};

/// A database that this program has made.
pub(crate) struct Database {
    url: String,
    place: Place,
}

enum Place {
    File(PathBuf),
    Server { url: String, name: String },
}

impl Database {
    /// Makes the database for a size beside the one at `base`, and its tables.
    pub(crate) async fn create(base: &str, rows: i64) -> Self {
        let database = if base.starts_with("sqlite:") {
            let url = format!("{base}-{rows}");
            let file = SqliteConnectOptions::from_str(&url).unwrap().get_filename().to_owned();
            Self { url, place: Place::File(file) }
        } else {
            let (address, options) = base.split_once('?').unwrap_or((base, ""));
            let (server, name) = address.rsplit_once('/').expect("the address names a database");
            let name = format!("{name}_{rows}");
            let url = format!("{server}/{name}?{options}");
            Self { url, place: Place::Server { url: base.to_owned(), name } }
        };
        if let Place::Server { url, name } = &database.place {
            let known = format!("SELECT COUNT(*) FROM pg_database WHERE datname = '{name}'");
            let mut server = Connection::to(url).await;
            if server.numbers(&known).await == [0] {
                server.run(&format!("CREATE DATABASE \"{name}\"")).await;
            }
        }
        SqlStore::open(database.url()).await.unwrap().close().await;
        database
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The file's or the database's name.
    pub(crate) fn name(&self) -> &str {
        match &self.place {
            Place::File(file) => file.file_name().and_then(|name| name.to_str()).unwrap_or_default(),
            Place::Server { name, .. } => name,
        }
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection::to(&self.url).await
    }

    pub(crate) async fn remove(self) {
        match self.place {
            Place::File(file) => {
                for end in ["", "-wal", "-shm"] {
                    let mut name = file.clone().into_os_string();
                    name.push(end);
                    drop(std::fs::remove_file(Path::new(&name)));
                }
            }
            Place::Server { url, name } => {
                Connection::to(&url).await.run(&format!("DROP DATABASE \"{name}\" WITH (FORCE)")).await;
            }
        }
    }
}

/// A connection that waits for no disk.
pub(crate) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Connection {
    async fn to(url: &str) -> Self {
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url).unwrap().synchronous(SqliteSynchronous::Off);
            // KiB, when negative.
            Self::Sqlite(options.pragma("cache_size", "-262144").connect().await.unwrap())
        } else {
            let mut connection = PgConnectOptions::from_str(url).unwrap().connect().await.unwrap();
            connection.execute("SET synchronous_commit = off; SET work_mem = '256MB'").await.unwrap();
            Self::Postgres(connection)
        }
    }

    pub(crate) async fn run(&mut self, sql: &str) {
        let sql = AssertSqlSafe(sql);
        match self {
            Self::Sqlite(connection) => drop(connection.execute(sql).await.unwrap()),
            Self::Postgres(connection) => drop(connection.execute(sql).await.unwrap()),
        }
    }

    /// The only row of a query whose columns are whole numbers.
    pub(crate) async fn numbers(&mut self, sql: &str) -> Vec<i64> {
        let sql = AssertSqlSafe(sql);
        match self {
            Self::Sqlite(connection) => {
                let row: SqliteRow = sqlx::query(sql).fetch_one(connection).await.unwrap();
                (0..row.len()).map(|column| row.get(column)).collect()
            }
            Self::Postgres(connection) => {
                let row: PgRow = sqlx::query(sql).fetch_one(connection).await.unwrap();
                (0..row.len()).map(|column| row.get(column)).collect()
            }
        }
    }

    pub(crate) async fn close(self) {
        match self {
            Self::Sqlite(connection) => connection.close().await.unwrap(),
            Self::Postgres(connection) => connection.close().await.unwrap(),
        }
    }
}
