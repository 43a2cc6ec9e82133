//! The way to the database breaks at any moment: nothing is lost, counted twice or kept for ever.

#![cfg(feature = "postgres")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]
#![expect(clippy::print_stderr, reason = "a seed is told")]

#[path = "support/random.rs"]
mod random;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arash_core::clock::{Clock, SystemClock};
use arash_core::session::SessionKey;
use arash_core::store::SqlStore;
use arash_core::team::{AccessLevel, KeySpec, Principal, TeamSpec};
use arash_core::testing::{FaultProxy, ManualClock, PostgresDatabase, Script, ScriptedProvider, Step};
use arash_core::turn::IdempotencyKey;
use arash_core::{Engine, EngineBuilder, IncomingMessage, Platform, TurnRequest};
use random::Random;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;

/// Longest answer to a caller while storage is away, with some leave for a busy machine.
const TOLD_WITHIN: Duration = Duration::from_secs(8);

fn builder(store: SqlStore, clock: ManualClock) -> EngineBuilder {
    let quick = Script::saying("quick");
    let slow = Script::new([Step::say("slow"), Step::Pause(Duration::from_millis(130)), Step::say(" answer")]);
    let scripts = (0..50_000).map(|number| if number % 3 == 0 { slow.clone() } else { quick.clone() });
    Engine::builder()
        .platform(Platform::private("internal").models(["test/one"]).max_history(50))
        .store(store)
        .clock(Arc::new(clock))
        .ai(ScriptedProvider::new(scripts))
}

/// Sends messages one after the other; gives the ids of the turns that were answered, and how long the slowest took.
async fn talk(engine: Engine, principal: Arc<Principal>, number: u64, end: Instant) -> (Vec<String>, Duration) {
    let (mut random, mut answered, mut slowest) = (Random::seeded("CUT_SEED"), Vec::new(), Duration::ZERO);
    while Instant::now() < end {
        let chat = format!("chat {}", random.below(40));
        let message = IncomingMessage::text("internal", "user", chat, format!("{number}"));
        let mut request = TurnRequest::new(message).principal(Arc::clone(&principal));
        if random.below(2) == 0 {
            let key = IdempotencyKey::new("key:1:chat", format!("{}", random.below(1 << 40))).unwrap();
            request = request.idempotency_key(key);
        }
        let begun = Instant::now();
        let reply = if random.below(2) == 0 {
            engine.process(request).await
        } else {
            match engine.stream(request).await {
                Ok(stream) => stream.finish().await,
                Err(error) => Err(error),
            }
        };
        match reply {
            Ok(reply) => answered.push(reply.receipt.turn_id.to_string()),
            Err(error) => {
                slowest = slowest.max(begun.elapsed());
                assert!(error.is_retryable(), "{error:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    (answered, slowest)
}

async fn number(database: &PostgresDatabase, sql: &'static str) -> i64 {
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
}

/// Two engines on one database, each with a line of its own.
async fn start(database: &PostgresDatabase, clock: &ManualClock) -> (Vec<Engine>, Vec<FaultProxy>) {
    let (host, port) = database.server_address();
    let (mut engines, mut proxies) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let proxy = FaultProxy::start(format!("{host}:{port}")).await.unwrap();
        let store = SqlStore::open(&database.url_through(proxy.address().port())).await.unwrap();
        engines.push(builder(store, clock.clone()).build().await.unwrap());
        proxies.push(proxy);
    }
    (engines, proxies)
}

/// A caller whose quota is never used up, but leased and spent.
async fn caller(engine: &Engine) -> Arc<Principal> {
    let spec = TeamSpec { daily_quota: Some(1_000_000), ..TeamSpec::named("team") };
    let team = engine.teams().create(spec).await.unwrap();
    let key = engine.keys().create(KeySpec::new(team.id, "key").level(AccessLevel::User)).await.unwrap();
    engine.authenticate(key.secret.expose()).await.unwrap()
}

/// Breaks one line after the other until `end`; leaves all of them whole.
async fn break_lines(proxies: &[FaultProxy], end: Instant) {
    let mut random = Random::seeded("CUT_SEED");
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(random.below(150))).await;
        let proxy = proxies.get(random.below(2) as usize).unwrap();
        if random.below(4) == 0 {
            proxy.pause();
            tokio::time::sleep(Duration::from_millis(random.below(2_600))).await;
            proxy.resume();
        } else {
            proxy.cut();
            tokio::time::sleep(Duration::from_millis(random.below(300))).await;
            proxy.mend();
        }
    }
}

/// What must be none, and what it would mean.
const WRONG: [(&str, &str); 8] = [
    ("SELECT COUNT(*) FROM idempotency_keys WHERE receipt IS NULL", "a key is never free"),
    ("SELECT COUNT(*) - (SELECT CAST(SUM(requests) AS BIGINT) FROM usage_hourly) FROM usage_logs", "sums are off"),
    ("SELECT COUNT(*) - (SELECT COUNT(*) FROM usage_logs) FROM turns", "a turn without its record"),
    ("SELECT COUNT(*) - 2 * (SELECT COUNT(*) FROM usage_logs WHERE success) FROM messages", "messages are off"),
    ("SELECT COUNT(*) FROM sessions WHERE version <> stored_messages", "a session lost count"),
    (
        "SELECT COUNT(*) FROM (SELECT session_id, turn_id FROM messages GROUP BY 1, 2 HAVING COUNT(*) <> 2
            OR MAX(seq) - MIN(seq) <> 1) AS torn",
        "a question is not followed by its answer",
    ),
    (
        "SELECT CAST(SUM(used) AS BIGINT) - (SELECT COUNT(*) FROM usage_logs WHERE success) FROM quota_buckets
            WHERE period = 'daily' AND scope LIKE 'team:%'",
        "what was used is off",
    ),
    ("SELECT CAST(COALESCE(SUM(leased), 0) AS BIGINT) FROM quota_buckets", "something stays leased"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_whose_lines_break_again_and_again_lose_nothing_and_count_nothing_twice() {
    let (database, clock) = (PostgresDatabase::create().await, ManualClock::new(SystemClock.now()));
    let (engines, proxies) = start(&database, &clock).await;
    let principal = caller(engines.first().unwrap()).await;
    let (breaking, end) = (Instant::now() + Duration::from_secs(5), Instant::now() + Duration::from_secs(9));
    let mut callers = JoinSet::new();
    for number in 0..16 {
        let engine = engines.get(number as usize % 2).unwrap().clone();
        callers.spawn(talk(engine, Arc::clone(&principal), number, end));
    }
    break_lines(&proxies, breaking).await;
    let told = callers.join_all().await;
    let slowest = told.iter().map(|(_, slowest)| *slowest).max().unwrap();
    let answered: BTreeSet<_> = told.into_iter().flat_map(|(answered, _)| answered).collect();
    for engine in engines {
        engine.shutdown(Duration::from_secs(5)).await;
    }
    // Whatever had begun is swept by the next node, and what was leased comes back.
    clock.advance(Duration::from_secs(61));
    let store = SqlStore::open(database.url()).await.unwrap();
    let next = builder(store, clock.clone()).build().await.unwrap();
    let swept = async { while number(&database, "SELECT COUNT(*) FROM turns WHERE state = 'started'").await > 0 {} };
    tokio::time::timeout(Duration::from_secs(10), swept).await.unwrap();
    next.quotas().upkeep().await.unwrap();
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    let recorded = "SELECT turn_id::TEXT FROM usage_logs WHERE success";
    let recorded: Vec<String> = sqlx::query_scalar(recorded).fetch_all(&mut connection).await.unwrap();
    let recorded: BTreeSet<_> = recorded.into_iter().collect();
    assert!(answered.len() > 50, "{}", answered.len());
    assert!(answered.is_subset(&recorded), "every answer is recorded");
    for (wrong, what) in WRONG {
        assert_eq!(number(&database, wrong).await, 0, "{what}");
    }
    assert!(slowest < TOLD_WITHIN, "{slowest:?}");
    for chat in 0..40 {
        let message = IncomingMessage::text("internal", "user", format!("chat {chat}"), "again");
        next.process(TurnRequest::new(message).principal(Arc::clone(&principal))).await.unwrap();
    }
    next.delete_session(&SessionKey::private("internal", principal.team_id(), "chat 0")).await.unwrap();
    next.shutdown(Duration::from_secs(5)).await;
}
