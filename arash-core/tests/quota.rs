//! Leased blocks on a turned clock: exact across nodes, given back when their time is over.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails panics")]

#[path = "support/stores.rs"]
mod stores;

use std::sync::Arc;
use std::time::Duration;

use arash_core::ErrorKind;
use arash_core::clock::{Clock, Timestamp};
use arash_core::id::NodeId;
use arash_core::quota::{Allowance, Period, QuotaKeeper};
use arash_core::team::{ApiKeys, Authenticator, KeySpec, Principal, TeamSpec, Teams};
use arash_core::testing::ManualClock;
use stores::TestStore;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

on_each_store! {
    three_nodes_admit_exactly_the_limit
    what_an_ended_bucket_left_is_used_in_the_next
    a_crashed_nodes_block_comes_back_after_a_minute
    what_is_leased_outlives_a_restart_until_its_time_is_over
    a_quota_of_zero_lets_nothing_through
    a_key_with_its_own_quota_is_judged_by_it
    a_quota_that_was_lowered_holds_at_once
}

/// Noon, so that no bucket ends by chance.
fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_millis(1_762_000_200_000)))
}

fn keeper(store: &TestStore, clock: &Arc<ManualClock>) -> QuotaKeeper {
    let clock: Arc<dyn Clock> = Arc::clone(clock) as _;
    QuotaKeeper::new(NodeId::new(), store.store.clone(), clock, TaskTracker::new())
}

async fn caller(store: &TestStore, clock: &Arc<ManualClock>, team: Option<u64>, key: Option<u64>) -> Arc<Principal> {
    let clock: Arc<dyn Clock> = Arc::clone(clock) as _;
    let authenticator = Arc::new(Authenticator::new(store.store.clone(), Arc::clone(&clock)));
    let teams = Teams::new(store.store.clone(), Arc::clone(&authenticator), Arc::clone(&clock));
    let team = teams.create(TeamSpec { daily_quota: team, ..TeamSpec::named("team") }).await.unwrap();
    let keys = ApiKeys::new(store.store.clone(), Arc::clone(&authenticator), clock);
    let spec = KeySpec { daily_quota: key, ..KeySpec::new(team.id, "key") };
    let issued = keys.create(spec).await.unwrap();
    authenticator.authenticate(issued.secret.expose()).await.unwrap()
}

async fn three_nodes_admit_exactly_the_limit(store: TestStore) {
    let clock = clock();
    let caller = caller(&store, &clock, Some(500), None).await;
    let nodes = [keeper(&store, &clock), keeper(&store, &clock), keeper(&store, &clock)];
    let mut tasks = JoinSet::new();
    for number in 0..900 {
        let (node, allowance) = (nodes[number % 3].clone(), Allowance::of(&caller));
        tasks.spawn(async move { node.reserve(&allowance).await });
    }
    let results = tasks.join_all().await;
    let admitted: Vec<_> = results.into_iter().filter_map(Result::ok).collect();
    assert_eq!(admitted.len(), 500);
    // None of them was used after all: everything can be admitted again.
    drop(admitted);
    for node in &nodes {
        node.give_back_all().await.unwrap();
    }
    clock.advance(Duration::from_secs(2));
    let mut again = Vec::new();
    while let Ok(reservation) = nodes[0].reserve(&Allowance::of(&caller)).await {
        again.push(reservation);
    }
    assert_eq!(again.len(), 500);
}

async fn what_an_ended_bucket_left_is_used_in_the_next(store: TestStore) {
    let clock = clock();
    let caller = caller(&store, &clock, Some(1), None).await;
    let node = keeper(&store, &clock);
    let reservation = node.reserve(&Allowance::of(&caller)).await.unwrap();
    clock.advance(Period::Daily.bucket());
    drop(reservation);
    drop(node.reserve(&Allowance::of(&caller)).await.unwrap());
}

async fn a_crashed_nodes_block_comes_back_after_a_minute(store: TestStore) {
    let clock = clock();
    let caller = caller(&store, &clock, Some(3), None).await;
    let (crashed, other) = (keeper(&store, &clock), keeper(&store, &clock));
    for _ in 0..3 {
        // Never given back, as after kill -9.
        std::mem::forget(crashed.reserve(&Allowance::of(&caller)).await.unwrap());
    }
    assert_eq!(other.reserve(&Allowance::of(&caller)).await.unwrap_err().kind(), ErrorKind::QuotaExceeded);
    clock.advance(Duration::from_secs(61));
    other.upkeep().await.unwrap();
    let mut admitted = Vec::new();
    while let Ok(reservation) = other.reserve(&Allowance::of(&caller)).await {
        admitted.push(reservation);
    }
    assert_eq!(admitted.len(), 3);
    // A node that lives keeps what it renews, however long its requests take.
    for _ in 0..10 {
        clock.advance(Duration::from_secs(30));
        other.upkeep().await.unwrap();
    }
    assert_eq!(crashed.reserve(&Allowance::of(&caller)).await.unwrap_err().kind(), ErrorKind::QuotaExceeded);
}

async fn what_is_leased_outlives_a_restart_until_its_time_is_over(store: TestStore) {
    let clock = clock();
    let caller = caller(&store, &clock, Some(1), None).await;
    std::mem::forget(keeper(&store, &clock).reserve(&Allowance::of(&caller)).await.unwrap());
    let store = store.reopen().await;
    let node = keeper(&store, &clock);
    assert_eq!(node.reserve(&Allowance::of(&caller)).await.unwrap_err().kind(), ErrorKind::QuotaExceeded);
    clock.advance(Duration::from_secs(61));
    node.upkeep().await.unwrap();
    drop(node.reserve(&Allowance::of(&caller)).await.unwrap());
}

async fn a_quota_of_zero_lets_nothing_through(store: TestStore) {
    let clock = clock();
    let caller = caller(&store, &clock, Some(0), None).await;
    let error = keeper(&store, &clock).reserve(&Allowance::of(&caller)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    assert!(error.retry_after().is_some());
}

async fn a_key_with_its_own_quota_is_judged_by_it(store: TestStore) {
    let clock = clock();
    let caller = caller(&store, &clock, Some(0), Some(2)).await;
    let node = keeper(&store, &clock);
    let first = node.reserve(&Allowance::of(&caller)).await.unwrap();
    let scopes: Vec<_> = first.spends().iter().map(|spend| (spend.scope.to_string(), spend.period)).collect();
    assert_eq!(scopes.len(), 4, "a key with a quota of its own still counts in its team's use: {scopes:?}");
    let _second = node.reserve(&Allowance::of(&caller)).await.unwrap();
    let error = node.reserve(&Allowance::of(&caller)).await.unwrap_err();
    assert_eq!(error.limit().map(|limit| limit.limit), Some(2));
}

/// The allowance of one caller whose daily quota is this.
fn daily(caller: &Principal, limit: u64) -> Allowance {
    let mut owner = caller.owner().clone();
    owner.key.daily_quota = Some(limit);
    Allowance::of(&Principal::new(owner))
}

async fn a_quota_that_was_lowered_holds_at_once(store: TestStore) {
    let clock = clock();
    let caller = caller(&store, &clock, None, Some(1_000)).await;
    let node = keeper(&store, &clock);
    let out = node.reserve(&daily(&caller, 1_000)).await.unwrap();
    let refused = node.reserve(&daily(&caller, 1)).await.unwrap_err();
    assert_eq!(refused.limit().map(|limit| limit.limit), Some(1), "what was leased of a thousand is not used any more");
    assert!(node.reserve(&daily(&caller, 0)).await.is_err());
    let second = node.reserve(&daily(&caller, 2)).await.unwrap();
    assert!(node.reserve(&daily(&caller, 2)).await.is_err());
    drop((out, second));
    let admitted = [node.reserve(&daily(&caller, 2)).await.unwrap(), node.reserve(&daily(&caller, 2)).await.unwrap()];
    assert!(node.reserve(&daily(&caller, 2)).await.is_err());
    drop(admitted);
    node.give_back_all().await.unwrap();
    let other = keeper(&store, &clock);
    let _all = [other.reserve(&daily(&caller, 2)).await.unwrap(), other.reserve(&daily(&caller, 2)).await.unwrap()];
}
