//! What teams are told of their keys and quotas, in the transaction of the cause.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::clock::Timestamp;
use crate::event::{EventKind, EventKinds};
use crate::id::{ApiKeyId, NodeId, TeamId};
use crate::quota::{LeaseRequest, Period, QuotaScope};
use crate::store::Store;
use crate::team::{Actor, ChangeContext, Edit, KeyChange, TeamChange};
use crate::testing::store::events::{claim, claimed, make_told_team};
use crate::testing::store::fixtures::{
    at, at_once, by, make_key, new_endpoint, new_key, once, registered_keyring, rotation,
};
use crate::webhook::{Attempt, ClaimedEvent, EndpointChange, NextStep};

/// What is told, oldest first, and was not delivered before: what happened, and the rest of the body.
async fn told(store: &dyn Store) -> Vec<(EventKind, Value)> {
    let (mut all, now) = (Vec::new(), at(1_000_000_000));
    loop {
        let told = claimed(store, &claim(now)).await;
        if told.is_empty() {
            all.sort_unstable_by_key(|told: &ClaimedEvent| (told.created_at, told.event.id));
            assert!(all.iter().all(|told| told.session_id.is_none()));
            let body = |payload: &str| serde_json::from_str(payload).unwrap();
            return all.into_iter().map(|told| (told.event.kind, body(&told.event.payload))).collect();
        }
        let attempts: Vec<_> = told.iter().map(|told| Attempt::of(told, now, NextStep::Delivered)).collect();
        store.settle_attempts(&attempts).await.unwrap();
        all.extend(told);
    }
}

async fn kinds(store: &dyn Store) -> Vec<EventKind> {
    told(store).await.into_iter().map(|(kind, _)| kind).collect()
}

pub(super) async fn a_team_is_told_of_its_keys(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let key = store.create_key(new_key(team, "Reports"), &by(at(1))).await.unwrap().result.key;
    let (kind, body) = told(&*store).await.remove(0);
    let shown = serde_json::json!({
        "id": key.id, "name": "Reports", "key_prefix": "sk_live_abcd", "access_level": "user",
    });
    assert_eq!((kind, &body["api_key"], body["team_id"].as_i64()), (EventKind::KeyCreated, &shown, Some(team.0)));
    store
        .update_key(key.id, KeyChange { name: Some("Other".to_owned()), ..KeyChange::default() }, &by(at(2)))
        .await
        .unwrap();
    store.rotate_key(key.id, rotation("new", 60), &by(at(3))).await.unwrap();
    assert_eq!(kinds(&*store).await, []);
    store.update_key(key.id, KeyChange::active(false), &by(at(4))).await.unwrap();
    let (kind, body) = told(&*store).await.remove(0);
    assert_eq!((kind, body["api_key"]["name"].as_str()), (EventKind::KeyRevoked, Some("Other")));
    store.update_key(key.id, KeyChange::active(false), &by(at(5))).await.unwrap();
    store.delete_key(key.id, &by(at(6))).await.unwrap();
    assert_eq!(kinds(&*store).await, [], "it was told already");
    let other = make_key(&*store, team, "second").await;
    let change = KeyChange { name: Some("Renamed".to_owned()), ..KeyChange::active(false) };
    store.update_key(other.id, change, &by(at(7))).await.unwrap();
    store.update_key(other.id, KeyChange::active(true), &by(at(8))).await.unwrap();
    store.delete_key(other.id, &by(at(9))).await.unwrap();
    assert_eq!(kinds(&*store).await, [EventKind::KeyCreated, EventKind::KeyRevoked, EventKind::KeyRevoked]);
}

pub(super) async fn what_is_refused_or_repeated_is_not_told(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let key = store.create_key(new_key(team, "key"), &once("1", "a", at(1))).await.unwrap().result.key;
    store.create_key(new_key(team, "key"), &once("1", "a", at(2))).await.unwrap();
    store.create_key(new_key(team, "key"), &by(at(3))).await.unwrap_err();
    store.create_key(new_key(TeamId(4_711), "other"), &by(at(3))).await.unwrap_err();
    let stranger = ChangeContext::new(Actor::lead(ApiKeyId(9), TeamId(4_711)), at(4));
    store.update_key(key.id, KeyChange::active(false), &stranger).await.unwrap_err();
    store.delete_key(key.id, &stranger).await.unwrap_err();
    assert_eq!(kinds(&*store).await, [EventKind::KeyCreated]);
}

pub(super) async fn of_16_that_revoke_a_key_at_once_one_is_told(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let key = make_key(&*store, team, "key").await.id;
    at_once(16, |number| {
        let store = Arc::clone(&store);
        async move {
            if number % 4 == 3 {
                drop(store.delete_key(key, &by(at(1))).await);
            } else {
                drop(store.update_key(key, KeyChange::active(false), &by(at(1))).await);
            }
        }
    })
    .await;
    assert_eq!(kinds(&*store).await, [EventKind::KeyCreated, EventKind::KeyRevoked]);
}

/// A team with this quota a day that is told of everything.
async fn limited(store: &dyn Store, limit: u64) -> TeamId {
    let team = make_told_team(store, "Acme", at(0)).await;
    set_limit(store, team, limit).await;
    team
}

async fn set_limit(store: &dyn Store, team: TeamId, limit: u64) {
    let change = TeamChange { daily_quota: Edit::Set(limit), ..TeamChange::default() };
    store.update_team(team, change, &by(at(0))).await.unwrap();
}

/// Leases exactly `wanted` of a quota, where so many are left.
async fn lease(store: &dyn Store, scope: QuotaScope, (limit, wanted): (u64, u64), now: Timestamp) {
    let (node, period, until) = (NodeId::new(), Period::Daily, now.plus(Duration::from_mins(1)));
    store.lease(LeaseRequest { node, scope, period, limit, wanted, now, until }).await.unwrap();
}

/// The thresholds that were told since.
async fn percents(store: &dyn Store) -> Vec<(u64, u64)> {
    let told = told(store).await;
    assert!(told.iter().all(|(kind, _)| *kind == EventKind::QuotaThreshold), "{told:?}");
    let figure = |body: &Value, name: &str| body["quota"][name].as_u64().unwrap();
    told.iter().map(|(_, body)| (figure(body, "threshold_percent"), figure(body, "used"))).collect()
}

pub(super) async fn a_team_is_told_when_much_of_its_quota_is_used(store: Arc<dyn Store>) {
    let team = limited(&*store, 10).await;
    let scope = QuotaScope::Team(team);
    lease(&*store, scope, (10, 7), at(1)).await;
    assert_eq!(percents(&*store).await, []);
    lease(&*store, scope, (10, 1), at(2)).await;
    let (_, body) = told(&*store).await.remove(0);
    let resets_at = Period::Daily.frees_at(Period::Daily.bucket_start(at(1))).to_rfc3339();
    let expected = serde_json::json!({
        "scope": "team", "api_key_id": null, "period": "daily", "threshold_percent": 80, "limit": 10, "used": 8,
        "resets_at": resets_at,
    });
    assert_eq!((&body["quota"], body["timestamp"].as_str()), (&expected, Some(at(2).to_rfc3339().as_str())));
    lease(&*store, scope, (10, 1), at(3)).await;
    assert_eq!(percents(&*store).await, [], "once");
    lease(&*store, scope, (10, 1), at(4)).await;
    assert_eq!(percents(&*store).await, [(100, 10)]);
    lease(&*store, scope, (10, 1), at(5)).await;
    assert_eq!(percents(&*store).await, []);
}

pub(super) async fn of_two_thresholds_at_once_the_higher_is_told(store: Arc<dyn Store>) {
    let team = limited(&*store, 2).await;
    lease(&*store, QuotaScope::Team(team), (2, 2), at(1)).await;
    assert_eq!(percents(&*store).await, [(100, 2)]);
}

pub(super) async fn a_threshold_is_told_once_a_window(store: Arc<dyn Store>) {
    let (team, day) = (limited(&*store, 10).await, 24 * 3_600);
    let scope = QuotaScope::Team(team);
    for second in [0, 10 * 3_600, day - 1] {
        store.reclaim(at(second)).await.unwrap();
        lease(&*store, scope, (10, 8), at(second)).await;
        store.purge_buckets(at(second)).await.unwrap();
    }
    assert_eq!(percents(&*store).await, [(80, 8)]);
    store.reclaim(at(day + 60)).await.unwrap();
    lease(&*store, scope, (10, 8), at(day + 60)).await;
    assert_eq!(percents(&*store).await, [(80, 8)]);
}

pub(super) async fn a_changed_quota_is_judged_anew(store: Arc<dyn Store>) {
    let team = limited(&*store, 10).await;
    let scope = QuotaScope::Team(team);
    lease(&*store, scope, (10, 8), at(1)).await;
    assert_eq!(percents(&*store).await, [(80, 8)]);
    set_limit(&*store, team, 5).await;
    lease(&*store, scope, (10, 1), at(2)).await;
    assert_eq!(percents(&*store).await, [], "a node that knows the old one still");
    lease(&*store, scope, (5, 1), at(3)).await;
    assert_eq!(percents(&*store).await, [(100, 9)]);
    set_limit(&*store, team, 100).await;
    lease(&*store, scope, (100, 1), at(4)).await;
    assert_eq!(percents(&*store).await, []);
    set_limit(&*store, team, 0).await;
    lease(&*store, scope, (0, 1), at(5)).await;
    assert_eq!(percents(&*store).await, [], "what lets nothing through cannot be used up");
}

pub(super) async fn a_team_is_told_of_the_quota_of_its_key(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let key = make_key(&*store, team, "key").await.id;
    let change = KeyChange { daily_quota: Edit::Set(5), ..KeyChange::default() };
    store.update_key(key, change, &by(at(0))).await.unwrap();
    assert_eq!(kinds(&*store).await, [EventKind::KeyCreated]);
    lease(&*store, QuotaScope::Key(key), (5, 4), at(1)).await;
    let (_, body) = told(&*store).await.remove(0);
    assert_eq!((body["team_id"].as_i64(), body["quota"]["scope"].as_str()), (Some(team.0), Some("api_key")));
    assert_eq!(body["quota"]["api_key_id"].as_i64(), Some(key.0));
    lease(&*store, QuotaScope::Key(ApiKeyId(4_711)), (5, 5), at(2)).await;
    lease(&*store, QuotaScope::Team(TeamId(4_711)), (5, 5), at(2)).await;
    assert_eq!(kinds(&*store).await, [], "nobody is told of what is nobody's");
}

pub(super) async fn who_does_not_want_to_be_told_of_quotas_is_not(store: Arc<dyn Store>) {
    let team = limited(&*store, 10).await;
    let ring = registered_keyring(&*store, 99).await;
    let wants = |kind| EndpointChange { events: Some(EventKinds::from_iter([kind])), ..new_endpoint(&ring, team) };
    store.put_endpoint(wants(EventKind::KeyCreated), &by(at(0))).await.unwrap();
    lease(&*store, QuotaScope::Team(team), (10, 8), at(1)).await;
    assert_eq!(percents(&*store).await, []);
    store.put_endpoint(wants(EventKind::QuotaThreshold), &by(at(2))).await.unwrap();
    lease(&*store, QuotaScope::Team(team), (10, 1), at(3)).await;
    assert_eq!(percents(&*store).await, [(80, 9)], "it is so still");
}

pub(super) async fn of_16_that_reach_a_threshold_at_once_it_is_told_once(store: Arc<dyn Store>) {
    let team = limited(&*store, 100).await;
    at_once(16, |_| {
        let store = Arc::clone(&store);
        async move {
            for _ in 0..8 {
                lease(&*store, QuotaScope::Team(team), (100, 1), at(1)).await;
            }
        }
    })
    .await;
    let mut told: Vec<_> = percents(&*store).await.into_iter().map(|(percent, _)| percent).collect();
    told.sort_unstable();
    assert_eq!(told, [80, 100]);
}
