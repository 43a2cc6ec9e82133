//! Fills a database by statements over all rows at once.

use arash_core::clock::{Clock, SystemClock};
use arash_core::team::KeyDigest;
use arash_core::usage::LATENCY_BOUNDS_MS;

use crate::database::{Connection, Database};

/// Rows that one statement inserts.
const CHUNK: i64 = 250_000;
const TEAMS: i64 = 100;
/// The team that has 30 % of all.
pub(crate) const LARGEST: i64 = 1;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const WEEK_MS: i64 = 7 * DAY_MS;
/// From this many records on they are those of 90 days, else those of 30.
const MANY: i64 = 10_000_000;
/// For how long a session is open after its last turn.
pub(crate) const TIMEOUT_MS: i64 = WEEK_MS;

/// Not by the index: one pass over the table is quicker for so many.
pub(crate) const RAW_SUMS: &str = "SELECT COUNT(*), CAST(SUM(CASE WHEN success THEN 1 ELSE 0 END) AS BIGINT),
    CAST(SUM(prompt_tokens) AS BIGINT), CAST(SUM(completion_tokens) AS BIGINT), CAST(SUM(cost_micros) AS BIGINT)
    FROM usage_logs WHERE team_id + 0 = 1";
pub(crate) const HOURLY_SUMS: &str = "SELECT CAST(SUM(requests) AS BIGINT), CAST(SUM(succeeded) AS BIGINT),
    CAST(SUM(prompt_tokens) AS BIGINT), CAST(SUM(completion_tokens) AS BIGINT), CAST(SUM(cost_micros) AS BIGINT)
    FROM usage_hourly WHERE team_id = 1";

/// How much a database holds.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) rows: i64,
    pub(crate) sessions: i64,
}

/// The team of the row or session `number`; the same as [`Texts::TEAM`].
pub(crate) fn team_of(number: i64) -> i64 {
    let mixed = number * 7_919;
    if mixed % 1_000 < 300 { LARGEST } else { 2 + mixed % (TEAMS - 1) }
}

/// The parts of statements that differ from engine to engine.
struct Texts {
    is_sqlite: bool,
}

impl Texts {
    const TEAM: &str = "CASE WHEN n * 7919 % 1000 < 300 THEN 1 ELSE 2 + n * 7919 % 99 END";

    /// Numbered rows with their teams and times; `length` milliseconds from `start` on hold `total` of them.
    fn rows(&self, (from, to): (i64, i64), (start, length, total): (i64, i64, i64)) -> String {
        let numbers = if self.is_sqlite {
            format!(
                "WITH RECURSIVE s(n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM s WHERE n + 1 < {to}) SELECT n FROM s"
            )
        } else {
            format!("SELECT n FROM generate_series({from}::BIGINT, {to}::BIGINT - 1) AS s(n)")
        };
        let team = Self::TEAM;
        format!("(SELECT n, {team} AS team, {start} + n * {length} / {total} AS at FROM ({numbers}) AS numbers) AS r")
    }

    /// A UUIDv7 of the time `at` and the number `n`.
    fn id(&self) -> &'static str {
        if self.is_sqlite {
            "unhex(printf('%012x7%03x8%015x', at, n % 4096, n))"
        } else {
            "(lpad(to_hex(at), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8' || lpad(to_hex(n), 15, '0'))::UUID"
        }
    }

    /// The first id of a moment.
    fn first_id(&self, at: i64) -> String {
        let digits = format!("{at:012x}{}", "0".repeat(20));
        if self.is_sqlite { format!("x'{digits}'") } else { format!("'{digits}'::UUID") }
    }

    fn any(&self, column: &str) -> String {
        if self.is_sqlite { format!("MAX({column})") } else { format!("bool_or({column})") }
    }
}

/// Fills the tables of a new database; one that is full already stays as it is.
pub(crate) async fn fill(database: &Database, size: Size, analyze: bool) {
    let mut connection = database.connect().await;
    let texts = Texts { is_sqlite: matches!(connection, Connection::Sqlite(_)) };
    if connection.numbers("SELECT COUNT(*) FROM teams").await == [TEAMS] {
        return connection.close().await;
    }
    assert_eq!(connection.numbers("SELECT COUNT(*) FROM usage_logs").await, [0], "the database is empty at first");
    let now = SystemClock.now().as_millis();
    let days = if size.rows >= MANY { 90 } else { 30 };
    if !texts.is_sqlite {
        make_weeks(&mut connection, now - days * DAY_MS, now).await;
    }
    fill_usage(&mut connection, &texts, size.rows, (now - days * DAY_MS, now)).await;
    fill_quotas(&mut connection, &texts, now).await;
    fill_sessions(&mut connection, &texts, size.sessions, now).await;
    // Last, because a database with teams counts as full.
    fill_teams(&mut connection, now).await;
    match (texts.is_sqlite, analyze) {
        (true, true) => connection.run("ANALYZE").await,
        (true, false) => {}
        (false, true) => connection.run("VACUUM ANALYZE").await,
        (false, false) => connection.run("VACUUM").await,
    }
    if texts.is_sqlite {
        connection.run("PRAGMA wal_checkpoint(TRUNCATE)").await;
    } else {
        connection.run("CHECKPOINT").await;
    }
    connection.close().await;
}

/// The tables of past weeks, as the program itself would have made them when those weeks began.
async fn make_weeks(connection: &mut Connection, from: i64, to: i64) {
    for table in ["messages", "turns", "usage_logs"] {
        for week in from / WEEK_MS..=to / WEEK_MS {
            let [first, next] =
                [week, week + 1].map(|week| Texts { is_sqlite: false }.first_id(week * WEEK_MS).replace("::UUID", ""));
            let bounds = format!("FOR VALUES FROM ({first}) TO ({next})");
            let partition = format!("CREATE TABLE IF NOT EXISTS {table}_w{week} PARTITION OF {table} {bounds}");
            connection.run(&partition).await;
        }
    }
}

async fn fill_usage(connection: &mut Connection, texts: &Texts, total: i64, (start, now): (i64, i64)) {
    let id = texts.id();
    for from in (0..total).step_by(CHUNK as usize) {
        let rows = texts.rows((from, (from + CHUNK).min(total)), (start, now - start, total));
        connection
            .run(&format!(
                "INSERT INTO usage_logs (turn_id, api_key_id, team_id, session_key, platform, model_used, kind,
                     prompt_tokens, completion_tokens, tokens_used, cost_micros, estimated, success, response_time_ms,
                     created_at)
                 SELECT {id}, 2 * team - 1 + n / 7 % 2, team, 'internal_' || team || '_chat-' || (n / 10),
                     CASE n % 11 WHEN 0 THEN 'web' ELSE 'internal' END,
                     CASE n % 13 WHEN 0 THEN NULL ELSE 'vendor/model-' || (n % 4) END,
                     CASE n % 13 WHEN 0 THEN 'command' ELSE 'chat' END, 20 + n % 900, 5 + n % 400,
                     25 + n % 900 + n % 400, n % 5000, n % 10 = 0, n % 50 <> 0, n * 31 % 3000, at
                 FROM {rows} ORDER BY n"
            ))
            .await;
    }
    connection
        .run("INSERT INTO turns (id, state, created_at) SELECT turn_id, 'completed', created_at FROM usage_logs")
        .await;
    for day in start / DAY_MS..=now / DAY_MS {
        connection.run(&hours_of(texts, day)).await;
    }
}

/// The statement that sums up the hours of a day.
fn hours_of(texts: &Texts, day: i64) -> String {
    let lower = [-1].into_iter().chain(LATENCY_BOUNDS_MS.map(|bound| bound as i64));
    let upper = LATENCY_BOUNDS_MS.map(|bound| bound as i64).into_iter().chain([i64::MAX]);
    let bucket = |(lower, upper): (i64, i64)| {
        format!("SUM(CASE WHEN response_time_ms > {lower} AND response_time_ms <= {upper} THEN 1 ELSE 0 END)")
    };
    let latency: Vec<_> = lower.zip(upper).map(bucket).collect();
    let [first, next] = [day, day + 1].map(|day| texts.first_id(day * DAY_MS));
    format!(
        "INSERT INTO usage_hourly SELECT team_id, created_at - created_at % {HOUR_MS}, api_key_id, platform,
             COALESCE(model_used, ''), COUNT(*), SUM(CASE WHEN success THEN 1 ELSE 0 END), SUM(prompt_tokens),
             SUM(completion_tokens), {}, SUM(cost_micros), {}
         FROM usage_logs WHERE turn_id >= {first} AND turn_id < {next} GROUP BY 1, 2, 3, 4, 5",
        texts.any("estimated"),
        latency.join(", ")
    )
}

/// What was used in the windows of the quotas.
async fn fill_quotas(connection: &mut Connection, texts: &Texts, now: i64) {
    let (month, day) = (now - 30 * DAY_MS, now - DAY_MS);
    for (scope, column) in [("team", "team_id"), ("key", "api_key_id")] {
        let insert = "INSERT INTO quota_buckets (scope, period, bucket_start, used, leased)";
        connection
            .run(&format!(
                "{insert} SELECT '{scope}:' || {column}, 'monthly', hour, SUM(requests), 0
                 FROM usage_hourly WHERE hour > {month} GROUP BY {column}, hour"
            ))
            .await;
        connection
            .run(&format!(
                "{insert} SELECT '{scope}:' || {column}, 'daily', created_at - created_at % 300000, COUNT(*), 0
                 FROM usage_logs WHERE turn_id >= {} GROUP BY {column}, created_at - created_at % 300000",
                texts.first_id(day)
            ))
            .await;
    }
}

/// Sessions of the past six days, each with a question and an answer.
async fn fill_sessions(connection: &mut Connection, texts: &Texts, total: i64, now: i64) {
    let (id, start) = (texts.id(), now - 6 * DAY_MS);
    for from in (0..total).step_by(CHUNK as usize) {
        // The last turn of a session is up to an hour after its beginning.
        let rows = texts.rows((from, (from + CHUNK).min(total)), (start, 6 * DAY_MS - HOUR_MS, total));
        connection
            .run(&format!(
                "INSERT INTO sessions (id, session_key, platform, team_id, user_id, chat_id, version, message_count,
                     stored_messages, created_at, last_activity_at, expires_at)
                 SELECT {id}, 'internal_' || team || '_chat-' || n, 'internal', team, 'user-' || (n % 50000),
                     'chat-' || n, 2, 1, 2, at, at + n * 7919 % {HOUR_MS}, at + n * 7919 % {HOUR_MS} + {TIMEOUT_MS}
                 FROM {rows} ORDER BY n"
            ))
            .await;
    }
    connection
        .run(
            "INSERT INTO messages (session_id, seq, turn_id, role, content, created_at)
             SELECT s.id, said.seq, s.id, said.role, said.content, s.created_at FROM sessions AS s CROSS JOIN (
                 SELECT 1 AS seq, 'user' AS role, 'Hello, how is the weather in Tehran today?' AS content
                 UNION ALL SELECT 2, 'assistant', 'It is sunny and mild, with a light wind from the north.') AS said",
        )
        .await;
}

/// Teams with quotas that nobody reaches, each with two keys.
async fn fill_teams(connection: &mut Connection, now: i64) {
    connection.run("BEGIN").await;
    for team in 1..=TEAMS {
        connection
            .run(&format!(
                "INSERT INTO teams (name, monthly_quota, daily_quota, is_active, created_at, updated_at)
                 VALUES ('team {team}', 1000000000, 1000000000, {}, {now}, {now})",
                truth(connection)
            ))
            .await;
        for number in 1..=2 {
            let digest = KeyDigest::of(&format!("key {number} of team {team}")).to_hex();
            connection
                .run(&format!(
                    "INSERT INTO api_keys (team_id, key_hash, key_prefix, name, access_level, is_active, created_at)
                     VALUES ({team}, '{digest}', 'sk_live_', 'key {number}', 'user', {}, {now})",
                    truth(connection)
                ))
                .await;
        }
    }
    connection.run("COMMIT").await;
}

fn truth(connection: &Connection) -> &'static str {
    if matches!(connection, Connection::Sqlite(_)) { "1" } else { "TRUE" }
}
