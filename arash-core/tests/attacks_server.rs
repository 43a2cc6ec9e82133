//! What goes wrong with a PostgreSQL server, its tables and its rights while the engine runs.

#![cfg(feature = "postgres")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

#[path = "support/turns.rs"]
mod turns;

use std::time::{Duration, Instant};

use arash_core::ErrorKind;
use arash_core::clock::Timestamp;
use arash_core::id::TurnId;
use arash_core::store::{SqlStore, Store};
use arash_core::testing::{FaultProxy, PostgresDatabase};
use arash_core::turn::{BeginOutcome, CommitOutcome, TurnStore};
use arash_core::usage::{UsageFilter, UsagePage, UsageStore};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use turns::{at, keyed, started, turn, turn_with};

const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), work).await.unwrap()
}

async fn connect(database: &PostgresDatabase) -> PgConnection {
    PgConnection::connect(database.url()).await.unwrap()
}

async fn run(connection: &mut PgConnection, sql: impl Into<String>) {
    connection.execute(AssertSqlSafe(sql.into())).await.unwrap();
}

/// A turn's id as it is made at `at`.
fn id_of(at: Timestamp) -> TurnId {
    let random = u128::from_be_bytes(*TurnId::new().as_uuid().as_bytes()) & (u128::MAX >> 48);
    TurnId::from_uuid(uuid::Uuid::from_u128((at.as_millis() as u128) << 80 | random))
}

fn weeks(count: u32) -> Duration {
    WEEK * count
}

#[tokio::test]
async fn what_has_begun_outlives_the_week_of_its_beginning() {
    let database = PostgresDatabase::create().await;
    let store = SqlStore::open(database.url()).await.unwrap();
    store.upkeep(at(0)).await.unwrap();
    let (ended, lost) = (turn_with(id_of(at(0)), at(0)), keyed(turn_with(id_of(at(1)), at(1)), "key", "Hi"));
    assert_eq!(store.commit(std::slice::from_ref(&ended)).await.unwrap(), [CommitOutcome::Committed]);
    assert_eq!(store.begin(&[started(&lost, at(1))]).await.unwrap(), [BeginOutcome::Begun]);
    let now = at(0).plus(weeks(20));
    store.purge_turns(now.minus(weeks(4))).await.unwrap();
    let found = store.lost_turns(now, 10).await.unwrap();
    assert_eq!(found.iter().map(|turn| turn.turn_id).collect::<Vec<_>>(), [lost.turn_id]);
    let mut end = lost.clone();
    (end.is_begun, end.receipt, end.usage.created_at) = (true, None, now);
    assert_eq!(store.commit(&[end]).await.unwrap(), [CommitOutcome::Committed]);
    let (key, _) = lost.idempotency.unwrap();
    assert_eq!(store.find_turn(&key).await.unwrap(), None, "the key is free again");
    store.purge_turns(now.minus(weeks(4))).await.unwrap();
    let records = store.usage_records(UsageFilter::default(), UsagePage { before: None, limit: 10 }).await.unwrap();
    assert_eq!(records.len(), 1, "it was recorded just now");
    store.close().await;
}

/// As after a clock that was far ahead for a while, or when the tables of some weeks could not be made in time.
#[tokio::test]
async fn rows_that_were_ahead_of_their_tables_hinder_no_upkeep() {
    let database = PostgresDatabase::create().await;
    let store = SqlStore::open(database.url()).await.unwrap();
    let far = at(0).plus(weeks(500));
    let early = turn_with(id_of(far), at(0));
    store.commit(std::slice::from_ref(&early)).await.unwrap();
    soon(store.upkeep(far)).await.unwrap();
    soon(store.upkeep(far)).await.unwrap();
    let later = turn_with(id_of(far.plus(weeks(1))), far);
    store.commit(&[later]).await.unwrap();
    let mut connection = connect(&database).await;
    for table in ["turns", "usage_logs"] {
        let sql = format!("SELECT COUNT(*) FROM ONLY {table}_default");
        let late: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap();
        assert_eq!(late, 1, "what came later has a table of its own");
    }
    assert_eq!(store.commit(&[early]).await.unwrap().len(), 1);
    store.close().await;
}

#[tokio::test]
async fn tables_of_another_schema_are_not_taken_for_our_own() {
    let database = PostgresDatabase::create().await;
    let mut connection = connect(&database).await;
    run(&mut connection, "CREATE SCHEMA one; CREATE SCHEMA other").await;
    let count = "SELECT COUNT(*) FROM pg_inherits WHERE inhparent = 'other.turns'::REGCLASS";
    for schema in ["one", "other"] {
        let url = format!("{}?options=-csearch_path%3D{schema}", database.url());
        SqlStore::open(&url).await.unwrap().close().await;
    }
    let partitions: i64 = sqlx::query_scalar(count).fetch_one(&mut connection).await.unwrap();
    assert_eq!(partitions, 6, "this week's, those of the four ahead, and the default one");
}

/// A program that reads for long, such as a backup, must not make new tables hold up those who write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_cannot_be_made_now_hold_up_no_commit() {
    let database = PostgresDatabase::create().await;
    let store = SqlStore::open(database.url()).await.unwrap();
    let mut backup = connect(&database).await;
    run(&mut backup, "BEGIN; SELECT COUNT(*) FROM turns").await;
    let upkeep = store.clone();
    let upkeep = tokio::spawn(async move { upkeep.upkeep(at(0).plus(weeks(500))).await });
    let mut longest = Duration::ZERO;
    while !upkeep.is_finished() {
        let begun = Instant::now();
        store.commit(&[turn(at(0))]).await.unwrap();
        longest = longest.max(begun.elapsed());
    }
    assert!(longest < Duration::from_millis(800), "{longest:?}");
    assert_eq!(upkeep.await.unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
    run(&mut backup, "COMMIT").await;
    soon(store.upkeep(at(0).plus(weeks(500)))).await.unwrap();
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upkeep_does_not_wait_for_ever_for_a_server_that_went_silent() {
    let database = PostgresDatabase::create().await;
    let (host, port) = database.server_address();
    let proxy = FaultProxy::start(format!("{host}:{port}")).await.unwrap();
    let store = SqlStore::open(&database.url_through(proxy.address().port())).await.unwrap();
    proxy.pause();
    assert_eq!(soon(store.upkeep(at(0).plus(weeks(500)))).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(soon(store.purge_turns(at(0))).await.unwrap_err().kind(), ErrorKind::Unavailable);
    proxy.resume();
    soon(store.upkeep(at(0).plus(weeks(500)))).await.unwrap();
    soon(store.close()).await;
}

/// As after a failover, when a connection leads to the server that is no longer the first one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_only_reads_is_not_well_and_its_connections_are_given_up() {
    let database = PostgresDatabase::create().await;
    let store = SqlStore::open(database.url()).await.unwrap();
    let mut admin = connect(&database).await;
    let (_, name) = database.url().rsplit_once('/').unwrap();
    let end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    run(&mut admin, format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    run(&mut admin, end_all).await;
    let refused = soon(store.commit(&[turn(at(0))])).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert_eq!(soon(store.health()).await.unwrap_err().kind(), ErrorKind::Unavailable);
    // A new connection finds a server that writes.
    let back = format!("ALTER DATABASE {name} RESET default_transaction_read_only");
    run(&mut admin, format!("SET default_transaction_read_only = off; {back}")).await;
    let recovered = async { while store.commit(&[turn(at(0))]).await.is_err() || store.health().await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(5), recovered).await.unwrap();
    store.close().await;
}

/// A password that was changed, a right that was taken: nobody's answer is lost for it without being told to come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_is_not_let_in_any_more_is_storage_that_is_away() {
    let database = PostgresDatabase::create().await;
    let (_, name) = database.url().rsplit_once('/').unwrap();
    let user = format!("user_{name}");
    let mut admin = connect(&database).await;
    run(
        &mut admin,
        format!(
            "CREATE ROLE {user} LOGIN PASSWORD 'hunter2'; ALTER DATABASE {name} OWNER TO {user};
        ALTER SCHEMA public OWNER TO {user}"
        ),
    )
    .await;
    let (host, port) = database.server_address();
    let store = SqlStore::open(&format!("postgres://{user}:hunter2@{host}:{port}/{name}")).await.unwrap();
    run(&mut admin, format!("ALTER ROLE {user} NOLOGIN")).await;
    run(&mut admin, format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{user}'")).await;
    let write = soon(store.commit(&[turn(at(0))])).await.unwrap_err();
    let read = soon(store.lost_turns(at(0), 1)).await.unwrap_err();
    let check = soon(store.health()).await.unwrap_err();
    run(&mut admin, format!("ALTER ROLE {user} LOGIN")).await;
    let again = soon(store.commit(&[turn(at(0))])).await;
    store.close().await;
    run(
        &mut admin,
        format!(
            "REASSIGN OWNED BY {user} TO CURRENT_USER; ALTER DATABASE {name} OWNER TO CURRENT_USER;
        DROP OWNED BY {user}; DROP ROLE {user}"
        ),
    )
    .await;
    for error in [write, read, check] {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        assert!(!format!("{error:?}").contains("hunter2"));
    }
    assert_eq!(again.unwrap(), [CommitOutcome::Committed]);
}

/// Whoever had the key lets go of it just when another one asks whose it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_freed_while_it_is_asked_for_is_taken() {
    let database = PostgresDatabase::create().await;
    let (host, port) = database.server_address();
    let proxy = FaultProxy::start(format!("{host}:{port}")).await.unwrap();
    let near = SqlStore::open(database.url()).await.unwrap();
    let far = SqlStore::open(&database.url_through(proxy.address().port())).await.unwrap();
    far.health().await.unwrap();
    for round in 0..8 {
        let first = keyed(turn(at(0)), "key", "Hi");
        near.begin(&[started(&first, at(0))]).await.unwrap();
        let mut end = first.clone();
        (end.is_begun, end.receipt) = (true, None);
        proxy.delay(Duration::from_millis(10));
        let next = keyed(turn(at(0)), "key", "Hi");
        let begin = [started(&next, at(0))];
        let free = async {
            tokio::time::sleep(Duration::from_millis(100 + 15 * round)).await;
            near.commit(&[end]).await.unwrap();
        };
        let (outcome, ()) = tokio::join!(far.begin(&begin), free);
        proxy.delay(Duration::ZERO);
        if outcome.unwrap() == [BeginOutcome::Begun] {
            let mut end = next.clone();
            (end.is_begun, end.receipt) = (true, None);
            near.commit(&[end]).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_session_id_that_no_session_can_have_names_none() {
    let database = PostgresDatabase::create().await;
    let store = SqlStore::open(database.url()).await.unwrap();
    let engine = arash_core::Engine::builder()
        .platform(arash_core::Platform::public("telegram").models(["test/one"]))
        .store(store)
        .ai(arash_core::ai::Offline::default())
        .build()
        .await
        .unwrap();
    let long: String = (0..5_000).map(|number| char::from_u32(0x4e00 + number * 7_919 % 20_000).unwrap()).collect();
    for text in ["telegram_\0", "telegram_a\nb", &format!("telegram_{long}")] {
        let found = match engine.session_key(text) {
            Ok(key) => [engine.sessions().get(&key).await.map(drop), engine.sessions().delete(&key).await],
            Err(error) => [Err(error.clone()), Err(error)],
        };
        for refused in found {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotFound, "{}", text.len());
        }
    }
    engine.shutdown(Duration::from_secs(5)).await;
}
