//! What goes wrong with a PostgreSQL server, its tables and its rights while the engine runs.

#![cfg(feature = "postgres")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

#[path = "support/turns.rs"]
mod turns;

use std::time::{Duration, Instant};

use arash_core::ErrorKind;
use arash_core::clock::Timestamp;
use arash_core::id::{NodeId, TeamId, TurnId};
use arash_core::quota::{LeaseRequest, Period, QuotaScope, QuotaStore};
use arash_core::store::{SqlStore, Store};
use arash_core::team::TeamStore;
use arash_core::testing::{FaultProxy, PostgresDatabase};
use arash_core::turn::{BeginOutcome, CommitOutcome, TurnStore};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::task::JoinSet;
use turns::{at, keyed, started, turn, turn_with};

async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), work).await.unwrap()
}

async fn connect(database: &PostgresDatabase) -> PgConnection {
    PgConnection::connect(database.url()).await.unwrap()
}

async fn run(connection: &mut PgConnection, sql: impl Into<String>) {
    connection.execute(AssertSqlSafe(sql.into())).await.unwrap();
}

/// A moment for which there are no tables of weeks.
fn far() -> Timestamp {
    at(0).plus(Duration::from_secs(500 * 7 * 24 * 3_600))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upkeep_does_not_wait_for_ever_for_a_server_that_went_silent() {
    let database = PostgresDatabase::create().await;
    let (host, port) = database.server_address();
    let proxy = FaultProxy::start(format!("{host}:{port}")).await.unwrap();
    let store = SqlStore::open(&database.url_through(proxy.address().port())).await.unwrap();
    proxy.pause();
    assert_eq!(soon(store.upkeep(far())).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(soon(store.purge_turns(at(0))).await.unwrap_err().kind(), ErrorKind::Unavailable);
    proxy.resume();
    soon(store.upkeep(far())).await.unwrap();
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
            Ok(key) => [engine.sessions().get(&key).await.map(drop), engine.delete_session(&key).await],
            Err(error) => [Err(error.clone()), Err(error)],
        };
        for refused in found {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotFound, "{}", text.len());
        }
    }
    engine.shutdown(Duration::from_secs(5)).await;
}

/// Many read what is slow; those who record still find a connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_who_wait_for_the_server_leave_room_for_those_who_write() {
    let database = PostgresDatabase::create().await;
    let store = SqlStore::open(database.url()).await.unwrap();
    let mut admin = connect(&database).await;
    run(&mut admin, "BEGIN; LOCK TABLE teams IN ACCESS EXCLUSIVE MODE").await;
    let mut readers = JoinSet::new();
    for _ in 0..100 {
        let store = store.clone();
        readers.spawn(async move { store.team(TeamId(1)).await });
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    assert_eq!(store.commit(&[turn(at(0))]).await.unwrap(), [CommitOutcome::Committed]);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    run(&mut admin, "COMMIT").await;
    drop(soon(readers.join_all()).await);
    store.close().await;
}

/// As from a newer version of the program, which runs beside this one.
#[tokio::test]
async fn a_begun_turn_that_cannot_be_read_hides_no_other() {
    let database = PostgresDatabase::create().await;
    let store = SqlStore::open(database.url()).await.unwrap();
    let (strange, plain) = (turn_with(TurnId::new(), at(0)), turn(at(0)));
    store.begin(&[started(&strange, at(0)), started(&plain, at(0))]).await.unwrap();
    let id = strange.turn_id;
    run(&mut connect(&database).await, format!("UPDATE turns SET started = '{{\"is\":\"new\"}}' WHERE id = '{id}'"))
        .await;
    let found = store.lost_turns(at(60), 10).await.unwrap();
    assert_eq!(found.iter().map(|turn| turn.turn_id).collect::<Vec<_>>(), [plain.turn_id]);
    store.close().await;
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_another_program_holds_the_file_everyone_is_told_within_five_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/test.db", folder.path().display());
    let store = SqlStore::open(&url).await.unwrap();
    let mut other = sqlx::SqliteConnection::connect(&url).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let mut waiting = JoinSet::new();
    for number in 0..30 {
        let store = store.clone();
        waiting.spawn(async move {
            let (scope, period, node) = (QuotaScope::Team(TeamId(number)), Period::Daily, NodeId::new());
            let request = LeaseRequest { node, scope, period, limit: 5, wanted: 5, now: at(0), until: at(60) };
            let begun = Instant::now();
            assert_eq!(store.lease(request).await.unwrap_err().kind(), ErrorKind::Unavailable);
            begun.elapsed()
        });
    }
    let longest = soon(waiting.join_all()).await.into_iter().max().unwrap();
    assert!(longest < Duration::from_secs(4), "{longest:?}");
    other.execute("ROLLBACK").await.unwrap();
    store.close().await;
}
