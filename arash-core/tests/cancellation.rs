//! Whoever goes away in the middle of something leaves nothing half done behind, on either engine: no connection that
//! sits in a transaction, and no write that was acknowledged and is not there.
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

#[path = "support/engines.rs"]
mod engines;
#[path = "support/stores.rs"]
mod stores;

use std::collections::HashSet;
use std::time::Duration;

use arash_core::clock::Timestamp;
use arash_core::id::NodeId;
use arash_core::quota::{LeaseRequest, Period, QuotaScope};
use arash_core::team::{Actor, ChangeContext, NewTeam, PageAfter};
use arash_core::testing::ScriptedProvider;
use arash_core::usage::{UsageFilter, UsagePage};
use engines::{caller, engine, request};
use futures_util::FutureExt;
use stores::{Home, TestStore};
use tokio::task::JoinSet;

on_each_store! {
    requests_that_are_cancelled_anywhere
    calls_that_are_cancelled_anywhere
}

/// How many are cancelled of each kind; both kinds together on one engine are more than 5,000.
const REQUESTS: usize = 4_000;
const CALLS: usize = 1_500;
const AT_ONCE: usize = 50;

/// Polls `work` up to `polls` times, as it asks for it, and then drops it.
async fn cancelled_after<T>(polls: usize, work: impl Future<Output = T>) -> Option<T> {
    let (mut work, mut left) = (Box::pin(work), polls);
    std::future::poll_fn(move |context| {
        if left == 0 {
            return std::task::Poll::Ready(None);
        }
        left -= 1;
        work.poll_unpin(context).map(Some)
    })
    .await
}

/// Takes a part of `numbers` and gives up each after a few polls or some moments, whatever comes first.
async fn given_up<T>(number: usize, work: impl Future<Output = T>) -> Option<T> {
    let moments = Duration::from_micros((number as u64 * 7_919) % 6_000);
    tokio::time::timeout(moments, cancelled_after(number % 13, work)).await.ok().flatten()
}

async fn requests_that_are_cancelled_anywhere(store: TestStore) {
    let engine = engine(&store, &ScriptedProvider::default()).await;
    let principal = caller(&engine, "impatient", Some(1_000_000), Some(1_000_000)).await;
    let mut told = HashSet::new();
    for first in (0..REQUESTS).step_by(AT_ONCE) {
        let mut tasks = JoinSet::new();
        for number in first..first + AT_ONCE {
            let (engine, request) = (engine.clone(), request(&principal, &format!("chat-{}", number % 97), "hello"));
            tasks.spawn(async move { given_up(number, engine.process(request)).await });
        }
        for reply in tasks.join_all().await.into_iter().flatten().flatten() {
            assert!(told.insert(reply.receipt.turn_id));
        }
    }
    // One that is not given up works as ever.
    told.insert(engine.process(request(&principal, "chat-1", "hello")).await.unwrap().receipt.turn_id);
    engine.shutdown(Duration::from_secs(20)).await;

    let store = store.reopen().await;
    let (filter, mut before, mut found) = (UsageFilter::default(), None, HashSet::new());
    loop {
        let page = store.store.usage_records(filter, UsagePage { before, limit: 500 }).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.turn_id);
        assert!(page.iter().all(|record| found.insert(record.turn_id)), "a turn is recorded once");
    }
    assert!(told.is_subset(&found), "what was told is recorded");
    let now = arash_core::clock::Clock::now(&arash_core::clock::SystemClock);
    let team = QuotaScope::Team(principal.team_id());
    assert_eq!(store.store.used(team, Period::Daily, now).await.unwrap().0, found.len() as u64);
    is_unharmed(&store).await;
}

async fn calls_that_are_cancelled_anywhere(store: TestStore) {
    let node = NodeId::new();
    let now = arash_core::clock::Clock::now(&arash_core::clock::SystemClock);
    let lease = LeaseRequest {
        node,
        scope: QuotaScope::Team(arash_core::id::TeamId(1)),
        period: Period::Daily,
        limit: 1_000_000,
        wanted: 1,
        now,
        until: now.plus(Duration::from_secs(60)),
    };
    let mut told = Vec::new();
    for first in (0..CALLS).step_by(AT_ONCE) {
        let mut tasks = JoinSet::new();
        for number in first..first + AT_ONCE {
            let store = std::sync::Arc::clone(&store.store);
            tasks.spawn(async move {
                let name = format!("team {number}");
                let team = NewTeam { name, ..empty_team() };
                drop(given_up(number + 1, store.lease(lease)).await);
                drop(given_up(number + 2, store.key_epoch()).await);
                given_up(number, store.create_team(team, &by(now))).await
            });
        }
        told.extend(tasks.join_all().await.into_iter().flatten().flatten());
    }
    let last = store.store.create_team(NewTeam { name: "last".to_owned(), ..empty_team() }, &by(now)).await.unwrap();
    told.push(last);
    // Waits for what was begun, though nobody waits for its outcome any more.
    let store = store.reopen().await;
    is_unharmed(&store).await;
    let found = store.store.teams(false, PageAfter { after: 0, limit: 10_000 }).await.unwrap();
    for team in told {
        assert!(found.contains(&team.result), "{team:?}");
    }
}

fn by(now: Timestamp) -> ChangeContext {
    ChangeContext::new(Actor::program(), now)
}

fn empty_team() -> NewTeam {
    NewTeam { name: String::new(), description: None, monthly_quota: None, daily_quota: None, allowed_models: None }
}

/// No connection of the server sits in a transaction.
async fn is_unharmed(store: &TestStore) {
    let Home::Database(database) = &store.home else { return };
    let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(database.url()).await.unwrap();
    let sitting = "SELECT COUNT(*) FROM pg_stat_activity
        WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    let sitting: i64 = sqlx::query_scalar(sitting).fetch_one(&mut connection).await.unwrap();
    assert_eq!(sitting, 0);
}
