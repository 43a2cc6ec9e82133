//! A database for one test, on either engine, and what lies in it: read past the engine, whose word is being tested.

use std::path::{Path, PathBuf};

use arash_core::testing::PostgresDatabase;
use sqlx::any::{AnyRow, install_default_drivers};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};
use tempfile::TempDir;

/// A database that nobody else uses, and a folder for the program.
pub(crate) struct Database {
    folder: TempDir,
    url: String,
    postgres: Option<PostgresDatabase>,
}

impl Database {
    pub(crate) fn sqlite() -> Self {
        install_default_drivers();
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/arash.db", folder.path().display());
        Self { folder, url, postgres: None }
    }

    /// A new database on the server at `TEST_POSTGRES_URL`.
    pub(crate) async fn postgres() -> Self {
        install_default_drivers();
        let database = PostgresDatabase::create().await;
        Self { folder: tempfile::tempdir().unwrap(), url: database.url().to_owned(), postgres: Some(database) }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file for the program in its folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Whether several programs may use it at a time.
    pub(crate) fn is_shared(&self) -> bool {
        self.postgres.is_some()
    }

    /// All that the tests look at, of one moment.
    pub(crate) async fn contents(&self) -> Contents {
        let begin = if self.postgres.is_some() { "BEGIN ISOLATION LEVEL REPEATABLE READ" } else { "BEGIN" };
        let mut connection = AnyConnection::connect(&self.url).await.unwrap();
        sqlx::raw_sql(begin).execute(&mut connection).await.unwrap();
        let mut reader = Reader { connection, is_postgres: self.postgres.is_some() };
        let contents = Contents {
            usage: reader.read(USAGE, usage).await,
            hours: reader.read(HOURS, cells).await,
            hours_of_usage: reader.read(HOURS_OF_USAGE, cells).await,
            buckets: reader.read(BUCKETS, bucket).await,
            turns: reader.read(TURNS, |row| (text(row, 0), text(row, 1))).await,
            sessions: reader.read(SESSIONS, |row| (text(row, 0), number(row, 1), number(row, 2))).await,
            messages: reader.read(MESSAGES, message).await,
        };
        reader.connection.close().await.unwrap();
        contents
    }
}

/// What lies in a database at one moment. Ids are hexadecimal without hyphens.
pub(crate) struct Contents {
    pub(crate) usage: Vec<Usage>,
    /// The sums of hours as they were written, and as they should be; in the same order.
    pub(crate) hours: Vec<Vec<String>>,
    pub(crate) hours_of_usage: Vec<Vec<String>>,
    pub(crate) buckets: Vec<Bucket>,
    /// Id and state.
    pub(crate) turns: Vec<(String, String)>,
    /// Chat, messages of the user, all messages.
    pub(crate) sessions: Vec<(String, u64, u64)>,
    /// In the order of their chat.
    pub(crate) messages: Vec<StoredMessage>,
}

pub(crate) struct Usage {
    pub(crate) turn: String,
    /// `team:7`
    pub(crate) team: String,
    /// `key:12`
    pub(crate) key: String,
    pub(crate) kind: String,
    pub(crate) is_success: bool,
}

/// All buckets of one scope and period together.
pub(crate) struct Bucket {
    pub(crate) scope: String,
    pub(crate) period: String,
    pub(crate) used: u64,
    pub(crate) leased: u64,
}

pub(crate) struct StoredMessage {
    pub(crate) chat: String,
    pub(crate) turn: String,
    pub(crate) role: String,
    pub(crate) text: String,
}

/// The engines have few types in common, so every column is read as text; `$id` is the column of a turn's id.
const USAGE: &str = "SELECT $id, 'team:' || CAST(COALESCE(team_id, 0) AS TEXT), \
     'key:' || CAST(COALESCE(api_key_id, 0) AS TEXT), kind, CAST(CAST(success AS INTEGER) AS TEXT) FROM usage_logs";
const HOURS: &str = "SELECT CAST(team_id AS TEXT), CAST(hour AS TEXT), CAST(api_key_id AS TEXT), platform, model_used, \
     CAST(requests AS TEXT), CAST(succeeded AS TEXT), CAST(prompt_tokens AS TEXT), CAST(completion_tokens AS TEXT), \
     CAST(CAST(estimated AS INTEGER) AS TEXT), CAST(cost_micros AS TEXT) FROM usage_hourly";
const HOURS_OF_USAGE: &str = "SELECT CAST(COALESCE(team_id, 0) AS TEXT), CAST(created_at - created_at % 3600000 AS TEXT), \
     CAST(COALESCE(api_key_id, 0) AS TEXT), platform, COALESCE(model_used, ''), CAST(SUM(request_count) AS TEXT), \
     CAST(SUM(CAST(success AS INTEGER)) AS TEXT), CAST(SUM(prompt_tokens) AS TEXT), \
     CAST(SUM(completion_tokens) AS TEXT), CAST(MAX(CAST(estimated AS INTEGER)) AS TEXT), \
     CAST(SUM(cost_micros) AS TEXT) FROM usage_logs GROUP BY 1, 2, 3, 4, 5";
const BUCKETS: &str = "SELECT scope, period, CAST(SUM(used) AS TEXT), CAST(SUM(leased) AS TEXT) \
     FROM quota_buckets GROUP BY scope, period";
const TURNS: &str = "SELECT $id, state FROM turns";
const SESSIONS: &str = "SELECT chat_id, CAST(message_count AS TEXT), CAST(stored_messages AS TEXT) FROM sessions";
const MESSAGES: &str = "SELECT chat_id, $id, role, content FROM messages \
     JOIN sessions ON sessions.id = messages.session_id ORDER BY messages.session_id, seq";

struct Reader {
    connection: AnyConnection,
    is_postgres: bool,
}

impl Reader {
    async fn read<T>(&mut self, sql: &str, read: impl Fn(&AnyRow) -> T) -> Vec<T> {
        // UUID or BYTEA in the one, BLOB in the other.
        let column = if sql.contains("FROM turns") { "id" } else { "turn_id" };
        let id = if self.is_postgres {
            format!("REPLACE(REPLACE(CAST({column} AS TEXT), '-', ''), '\\x', '')")
        } else {
            format!("LOWER(HEX({column}))")
        };
        let query = sqlx::query(AssertSqlSafe(sql.replace("$id", &id)));
        query.fetch_all(&mut self.connection).await.unwrap().iter().map(read).collect()
    }
}

fn text(row: &AnyRow, column: usize) -> String {
    row.try_get(column).unwrap()
}

fn number(row: &AnyRow, column: usize) -> u64 {
    text(row, column).parse().unwrap()
}

fn cells(row: &AnyRow) -> Vec<String> {
    (0..row.len()).map(|column| text(row, column)).collect()
}

fn usage(row: &AnyRow) -> Usage {
    let is_success = text(row, 4) == "1";
    Usage { turn: text(row, 0), team: text(row, 1), key: text(row, 2), kind: text(row, 3), is_success }
}

fn bucket(row: &AnyRow) -> Bucket {
    Bucket { scope: text(row, 0), period: text(row, 1), used: number(row, 2), leased: number(row, 3) }
}

fn message(row: &AnyRow) -> StoredMessage {
    StoredMessage { chat: text(row, 0), turn: text(row, 1), role: text(row, 2), text: text(row, 3) }
}
