use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

/// A PostgreSQL database of its own for one test; it goes when this is dropped.
///
/// It is made on the server that the environment variable `TEST_POSTGRES_URL` names, whose user may make databases.
/// `scripts/with-postgres` starts one for a command.
#[derive(Debug)]
pub struct PostgresDatabase {
    server: PgConnectOptions,
    name: String,
    url: String,
}

impl PostgresDatabase {
    /// Makes an empty database.
    ///
    /// # Panics
    /// When there is no server to make it on: a test that cannot run has failed.
    #[expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot run has failed")]
    pub async fn create() -> Self {
        let Ok(address) = std::env::var("TEST_POSTGRES_URL") else {
            panic!("this test needs PostgreSQL: run scripts/test, or scripts/with-postgres cargo test …");
        };
        let server = PgConnectOptions::from_str(&address).unwrap();
        let name = format!("test_{}", uuid::Uuid::now_v7().simple());
        run(&server, format!("CREATE DATABASE {name}")).await.unwrap();
        let (before, options) = address.split_once('?').unwrap_or((&address, ""));
        let (before, _) = before.rsplit_once('/').unwrap();
        let separator = if options.is_empty() { "" } else { "?" };
        let url = format!("{before}/{name}{separator}{options}");
        Self { server, name, url }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its address by way of another port of this machine, such as a [`FaultProxy`](crate::testing::FaultProxy)'s.
    pub fn url_through(&self, port: u16) -> String {
        let (user, password) = (self.server.get_username(), self.password());
        format!("postgres://{user}{password}@127.0.0.1:{port}/{}?sslmode=disable", self.name)
    }

    fn password(&self) -> &str {
        let authority =
            self.url.split_once("://").and_then(|(_, rest)| rest.split_once('@')).map_or("", |(user, _)| user);
        authority.find(':').and_then(|at| authority.get(at..)).unwrap_or("")
    }

    /// Where its server listens.
    pub fn server_address(&self) -> (String, u16) {
        (self.server.get_host().to_owned(), self.server.get_port())
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), std::mem::take(&mut self.name));
        // A runtime of its own: the test's may be ending.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let dropped = runtime.block_on(run(&server, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")));
            dropped.map_err(std::io::Error::other)
        });
        if !matches!(dropping.join(), Ok(Ok(()))) {
            tracing::warn!("a test's database could not be dropped");
        }
    }
}

async fn run(server: &PgConnectOptions, statement: String) -> Result<(), sqlx::Error> {
    let mut connection = server.connect().await?;
    connection.execute(AssertSqlSafe(statement)).await?;
    connection.close().await
}
