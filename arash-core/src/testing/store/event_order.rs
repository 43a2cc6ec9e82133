//! Which events wait for which: those of one key, of one quota.

use std::sync::Arc;
use std::time::Duration;

use crate::event::EventKind;
use crate::id::NodeId;
use crate::quota::{LeaseRequest, Period, QuotaScope};
use crate::store::Store;
use crate::team::{Edit, KeyChange, TeamChange};
use crate::testing::store::events::{claim, claimed, claimed_ids, make_told_team, tell};
use crate::testing::store::fixtures::{at, by, make_key};
use crate::webhook::{Attempt, ClaimedEvent, NextStep};

/// What is claimed at this second, and what it tells.
async fn claimed_kinds(store: &dyn Store, second: u64) -> (Vec<ClaimedEvent>, Vec<EventKind>) {
    let sent = claimed(store, &claim(at(second))).await;
    let kinds = sent.iter().map(|sent| sent.event.kind).collect();
    (sent, kinds)
}

async fn settle(store: &dyn Store, sent: &[ClaimedEvent], second: u64, next: NextStep) {
    let attempts: Vec<_> = sent.iter().map(|sent| Attempt::of(sent, at(second), next)).collect();
    store.settle_attempts(&attempts).await.unwrap();
}

pub(super) async fn what_is_told_of_a_key_goes_one_after_the_other(store: Arc<dyn Store>) {
    use EventKind::{KeyCreated, KeyRevoked};
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let (one, two) = (make_key(&*store, team, "one").await.id, make_key(&*store, team, "two").await.id);
    store.update_key(one, KeyChange::active(false), &by(at(1))).await.unwrap();
    store.delete_key(two, &by(at(1))).await.unwrap();
    let (created, kinds) = claimed_kinds(&*store, 2).await;
    assert_eq!(kinds, [KeyCreated, KeyCreated], "one key waits for no other");
    assert_eq!(claimed_ids(&*store, at(3)).await, [], "and is told of one thing at a time");
    settle(&*store, &created, 4, NextStep::Delivered).await;
    let (revoked, kinds) = claimed_kinds(&*store, 5).await;
    assert_eq!(kinds, [KeyRevoked, KeyRevoked]);
    assert!(created.iter().chain(&revoked).all(|sent| sent.session_id.is_none()));
    settle(&*store, &revoked, 6, NextStep::Delivered).await;
    // One that failed holds up nothing.
    let three = make_key(&*store, team, "three").await.id;
    let (created, _) = claimed_kinds(&*store, 7).await;
    store.delete_key(three, &by(at(8))).await.unwrap();
    settle(&*store, &created, 9, NextStep::RetryAt(at(1_000))).await;
    assert_eq!(claimed_kinds(&*store, 10).await.1, [KeyRevoked]);
}

/// Leases exactly `wanted` of a quota of 10.
async fn lease(store: &dyn Store, scope: QuotaScope, period: Period, wanted: u64) {
    let (node, limit, now, until) = (NodeId::new(), 10, at(1), at(1).plus(Duration::from_mins(1)));
    store.lease(LeaseRequest { node, scope, period, limit, wanted, now, until }).await.unwrap();
}

/// The periods and percents that are claimed at this second.
fn thresholds(sent: &[ClaimedEvent]) -> Vec<(String, u64)> {
    let of = |sent: &ClaimedEvent| {
        let body: serde_json::Value = serde_json::from_str(&sent.event.payload).unwrap();
        let quota = &body["quota"];
        (quota["period"].as_str().unwrap().to_owned(), quota["threshold_percent"].as_u64().unwrap())
    };
    sent.iter().map(of).collect()
}

pub(super) async fn what_is_told_of_a_quota_goes_one_after_the_other(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let limits = TeamChange { daily_quota: Edit::Set(10), monthly_quota: Edit::Set(10), ..TeamChange::default() };
    store.update_team(team, limits, &by(at(0))).await.unwrap();
    let scope = QuotaScope::Team(team);
    for wanted in [8, 2] {
        lease(&*store, scope, Period::Daily, wanted).await;
    }
    lease(&*store, scope, Period::Monthly, 8).await;
    let sent = claimed(&*store, &claim(at(2))).await;
    let expected = [("daily".to_owned(), 80), ("monthly".to_owned(), 80)];
    assert_eq!(thresholds(&sent), expected, "one quota waits for no other");
    assert_eq!(claimed_ids(&*store, at(3)).await, []);
    settle(&*store, &sent, 4, NextStep::Delivered).await;
    assert_eq!(thresholds(&claimed(&*store, &claim(at(5))).await), [("daily".to_owned(), 100)]);
}

pub(super) async fn completions_wait_for_nothing(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let told = [tell(&*store, team, None, at(1)).await, tell(&*store, team, None, at(2)).await];
    assert_eq!(claimed_ids(&*store, at(3)).await, told);
}
