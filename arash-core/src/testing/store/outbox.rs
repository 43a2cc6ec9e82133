use std::sync::Arc;

use crate::store::Store;
use crate::testing::store::events::{LEASE, claim, claimed, claimed_ids, event, log, make_told_team, tell};
use crate::testing::store::fixtures::{at, commit_new, turn};
use crate::webhook::{Attempt, ClaimedEvent, DeliveryState, EventClaim, NextStep};

pub(super) async fn an_event_is_claimed_as_it_was_written(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let mut cause = turn(at(5));
    cause.usage.session_key = Some("internal_1_chat".to_owned());
    cause.events = vec![event(team, r#"{"number":1}"#)];
    commit_new(&*store, &cause).await;
    let expected = ClaimedEvent {
        event: cause.events[0].clone(),
        session_id: cause.usage.session_key.clone(),
        attempt: 1,
        fence: 1,
        endpoint: store.endpoint(team).await.unwrap().unwrap(),
        created_at: at(5),
    };
    assert_eq!(claimed(&*store, &claim(at(6))).await, [expected]);
}

pub(super) async fn events_wait_until_they_are_due(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let told = tell(&*store, team, None, at(5)).await;
    assert_eq!(claimed_ids(&*store, at(4)).await, []);
    assert_eq!(claimed_ids(&*store, at(5)).await, [told]);
}

pub(super) async fn events_are_claimed_in_order_of_time(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let mut told = Vec::new();
    for second in [3, 1, 4, 2, 5] {
        told.push((second, tell(&*store, team, None, at(second)).await));
    }
    told.sort_unstable();
    let ids: Vec<_> = told.into_iter().map(|(_, id)| id).collect();
    let two = EventClaim { limit: 2, ..claim(at(4)) };
    let first: Vec<_> = claimed(&*store, &two).await.iter().map(|claimed| claimed.event.id).collect();
    assert_eq!(first, ids[..2]);
    assert!(claimed(&*store, &EventClaim { limit: 0, ..two }).await.is_empty());
    assert_eq!(claimed_ids(&*store, at(4)).await, ids[2..4]);
}

pub(super) async fn a_claimed_event_is_nobody_elses_until_its_lease_ends(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let told = tell(&*store, team, None, at(0)).await;
    assert_eq!(claimed_ids(&*store, at(1)).await, [told]);
    let end = at(1).plus(LEASE);
    assert_eq!(claimed_ids(&*store, at(30)).await, []);
    let again = claimed(&*store, &claim(end)).await;
    assert_eq!(
        again.iter().map(|claimed| (claimed.event.id, claimed.attempt, claimed.fence)).collect::<Vec<_>>(),
        [(told, 2, 2)]
    );
}

pub(super) async fn what_was_delivered_is_not_claimed_again(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    tell(&*store, team, None, at(0)).await;
    let sent = claimed(&*store, &claim(at(1))).await.remove(0);
    store.settle_attempts(&[Attempt::of(&sent, at(2), NextStep::Delivered)]).await.unwrap();
    assert_eq!(claimed_ids(&*store, at(100_000)).await, []);
    let log = log(&*store, team).await;
    assert_eq!(
        (log[0].state, log[0].delivered_at, log[0].next_attempt_at),
        (DeliveryState::Delivered, Some(at(2)), None)
    );
}

pub(super) async fn what_failed_is_claimed_again_when_it_is_due(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let told = tell(&*store, team, None, at(0)).await;
    let sent = claimed(&*store, &claim(at(1))).await.remove(0);
    store.settle_attempts(&[Attempt::of(&sent, at(2), NextStep::RetryAt(at(7)))]).await.unwrap();
    assert_eq!(log(&*store, team).await[0].next_attempt_at, Some(at(7)));
    assert_eq!(claimed_ids(&*store, at(6)).await, []);
    assert_eq!(claimed_ids(&*store, at(7)).await, [told]);
}
