//! PostgreSQL's tables of weeks: they come and go, and hold up nobody.

#![cfg(feature = "postgres")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

#[path = "support/turns.rs"]
mod turns;

use std::time::{Duration, Instant};

use arash_core::ErrorKind;
use arash_core::clock::Timestamp;
use arash_core::id::{AttemptId, EventId, TeamId, TurnId};
use arash_core::store::{SqlStore, Store};
use arash_core::testing::PostgresDatabase;
use arash_core::turn::{BeginOutcome, CommitOutcome, TurnStore};
use arash_core::usage::{UsageFilter, UsagePage, UsageStore};
use arash_core::webhook::{Attempt, Event, EventKind, NextStep, OutboxStore};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::task::JoinSet;
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

/// The attempts of a week go with the events of their time, not with turns.
#[tokio::test]
async fn attempts_are_kept_as_long_as_their_events() {
    let database = PostgresDatabase::create().await;
    let store = SqlStore::open(database.url()).await.unwrap();
    store.upkeep(at(0)).await.unwrap();
    let team_id = TeamId(1);
    let event = Event { id: EventId::new(), team_id, kind: EventKind::WebhookTest, payload: "{}".to_owned() };
    let attempt = Attempt {
        id: AttemptId::from_uuid(*id_of(at(0)).as_uuid()),
        event_id: event.id,
        team_id,
        fence: 0,
        attempt: 1,
        endpoint_version: at(0),
        at: at(0),
        status_code: Some(204),
        response_time: Duration::ZERO,
        error: None,
        response_excerpt: None,
        next: NextStep::Delivered,
        disable: None,
    };
    store.record_test(&event, &attempt).await.unwrap();
    let now = at(0).plus(weeks(20));
    let week = format!("SELECT to_regclass('deliveries_w{}') IS NOT NULL", at(0).as_millis() / WEEK.as_millis() as i64);
    let mut connection = connect(&database).await;
    let mut has_table =
        async || -> bool { sqlx::query_scalar(AssertSqlSafe(week.clone())).fetch_one(&mut connection).await.unwrap() };
    store.purge_turns(now.minus(weeks(4))).await.unwrap();
    assert!(has_table().await);
    assert_eq!(store.delivery(team_id, event.id).await.unwrap().unwrap().1.len(), 1);
    assert_eq!(store.forget_events(now, weeks(4), 100).await.unwrap(), 1);
    assert!(!has_table().await);
    assert_eq!(store.delivery(team_id, event.id).await.unwrap(), None);
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
    let (mut upkeep, mut longest) = (JoinSet::new(), Duration::ZERO);
    let kept = store.clone();
    upkeep.spawn(async move { kept.upkeep(at(0).plus(weeks(500))).await });
    let done = loop {
        if let Some(done) = upkeep.try_join_next() {
            break done.unwrap();
        }
        let begun = Instant::now();
        store.commit(&[turn(at(0))]).await.unwrap();
        longest = longest.max(begun.elapsed());
    };
    assert!(longest < Duration::from_millis(800), "{longest:?}");
    assert_eq!(done.unwrap_err().kind(), ErrorKind::Unavailable);
    run(&mut backup, "COMMIT").await;
    soon(store.upkeep(at(0).plus(weeks(500)))).await.unwrap();
    store.close().await;
}
