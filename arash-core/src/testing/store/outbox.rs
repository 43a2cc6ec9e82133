use std::collections::BTreeSet;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::id::EventId;
use crate::store::Store;
use crate::testing::store::events::{LEASE, claim, claimed, claimed_ids, event, log, make_told_team, tell};
use crate::testing::store::fixtures::{at, at_once, by, commit_new, make_team, new_endpoint, registered_keyring, turn};
use crate::webhook::{Attempt, ClaimedEvent, DeliveryState, EndpointChange, EventClaim, NextStep};

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

/// The ids of what is claimed, oldest first.
async fn ids(store: &dyn Store, claim: &EventClaim) -> Vec<EventId> {
    claimed(store, claim).await.into_iter().map(|claimed| claimed.event.id).collect()
}

/// Settles everything with `next`.
async fn settle(store: &dyn Store, sent: &[ClaimedEvent], at: Timestamp, next: NextStep) {
    let attempts: Vec<_> = sent.iter().map(|sent| Attempt::of(sent, at, next)).collect();
    store.settle_attempts(&attempts).await.unwrap();
}

pub(super) async fn events_of_a_session_go_one_after_the_other(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let mut told = Vec::new();
    for second in 1..=3 {
        told.push(tell(&*store, team, Some("internal_1_chat"), at(second)).await);
    }
    let beside = tell(&*store, team, Some("internal_1_other"), at(4)).await;
    let first = claimed(&*store, &claim(at(5))).await;
    assert_eq!(first.iter().map(|sent| sent.event.id).collect::<Vec<_>>(), [told[0], beside]);
    assert_eq!(claimed_ids(&*store, at(6)).await, [], "the first is on its way");
    settle(&*store, &first, at(7), NextStep::Delivered).await;
    let second = claimed(&*store, &claim(at(8))).await;
    assert_eq!(second.iter().map(|sent| sent.event.id).collect::<Vec<_>>(), [told[1]]);
    settle(&*store, &second, at(9), NextStep::RetryAt(at(100))).await;
    assert_eq!(claimed_ids(&*store, at(10)).await, [told[2]], "what waits for its next attempt holds up nothing");
}

pub(super) async fn a_session_is_no_other_teams(store: Arc<dyn Store>) {
    let (one, two) = (make_told_team(&*store, "one", at(0)).await, make_told_team(&*store, "two", at(0)).await);
    let told = [tell(&*store, one, Some("chat"), at(1)).await, tell(&*store, two, Some("chat"), at(2)).await];
    assert_eq!(claimed_ids(&*store, at(3)).await, told);
}

pub(super) async fn an_endpoint_gets_as_many_as_it_has_places(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    for second in 0..9 {
        tell(&*store, team, None, at(second)).await;
    }
    let three = EventClaim { per_endpoint: 3, ..claim(at(10)) };
    let sent = claimed(&*store, &three).await;
    assert_eq!(sent.len(), 3);
    assert_eq!(ids(&*store, &three).await, [], "of all nodes together");
    settle(&*store, &sent[..2], at(10), NextStep::Delivered).await;
    assert_eq!(ids(&*store, &three).await.len(), 2);
    let after = EventClaim { per_endpoint: 3, ..claim(at(10).plus(LEASE)) };
    assert_eq!(ids(&*store, &after).await.len(), 3, "leases that ended are free places");
}

pub(super) async fn a_failing_endpoint_has_places_of_its_own(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    for second in 0..9 {
        tell(&*store, team, None, at(second)).await;
    }
    let one = EventClaim { limit: 1, ..claim(at(10)) };
    let sent = claimed(&*store, &one).await;
    settle(&*store, &sent, at(10), NextStep::RetryAt(at(1_000))).await;
    let failing = EventClaim { per_failing_endpoint: 2, ..claim(at(11)) };
    assert_eq!(ids(&*store, &EventClaim { failing: false, ..failing }).await, []);
    let sent = claimed(&*store, &failing).await;
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|sent| sent.endpoint.failing_since == Some(at(10))));
    settle(&*store, &sent[..1], at(12), NextStep::Delivered).await;
    assert_eq!(ids(&*store, &EventClaim { failing: false, ..claim(at(13)) }).await.len(), 6, "it works again");
}

pub(super) async fn a_backlog_of_one_team_delays_no_other(store: Arc<dyn Store>) {
    let (busy, other) = (make_told_team(&*store, "busy", at(0)).await, make_told_team(&*store, "other", at(0)).await);
    for batch in 0..20_u64 {
        let mut cause = turn(at(batch));
        cause.events = (0..500).map(|_| event(busy, "{}")).collect();
        commit_new(&*store, &cause).await;
    }
    let mut late = turn(at(1_000));
    late.events = vec![event(other, "{}")];
    commit_new(&*store, &late).await;
    let few = EventClaim { limit: 4, per_endpoint: 4, ..claim(at(2_000)) };
    let sent = claimed(&*store, &few).await;
    let teams: Vec<_> = sent.iter().map(|sent| sent.event.team_id).collect();
    assert_eq!(teams, [busy, other, busy, busy], "a place for each, then by time");
    tell(&*store, other, None, at(1_001)).await;
    let after: Vec<_> = claimed(&*store, &few).await.iter().map(|sent| sent.event.team_id).collect();
    assert_eq!(after, [other, busy], "those that have least on their way come first");
}

pub(super) async fn events_of_an_endpoint_that_is_switched_off_are_held(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let bare = make_team(&*store, "bare").await.id;
    let told = tell(&*store, team, None, at(1)).await;
    tell(&*store, bare, None, at(1)).await;
    let ring = registered_keyring(&*store, 99).await;
    let switched = |on| EndpointChange { enabled: Some(on), ..new_endpoint(&ring, team) };
    store.put_endpoint(switched(false), &by(at(2))).await.unwrap();
    assert_eq!(claimed_ids(&*store, at(3)).await, []);
    let log = log(&*store, team).await;
    assert_eq!((log[0].state, log[0].attempts), (DeliveryState::Pending, 0));
    store.put_endpoint(switched(true), &by(at(4))).await.unwrap();
    assert_eq!(claimed_ids(&*store, at(5)).await, [told]);
}

pub(super) async fn of_8_nodes_that_claim_at_once_each_event_goes_to_one(store: Arc<dyn Store>) {
    let mut teams = Vec::new();
    for number in 0..4 {
        teams.push(make_told_team(&*store, &format!("team {number}"), at(0)).await);
    }
    for (number, &team) in (0..120_u64).zip(teams.iter().cycle()) {
        let session = (number % 3 == 0).then(|| format!("chat {}", number % 5));
        tell(&*store, team, session.as_deref(), at(number)).await;
    }
    let claims = at_once(8, |_| {
        let store = Arc::clone(&store);
        async move {
            let mut sent = Vec::new();
            for _ in 0..4 {
                sent.extend(claimed(&*store, &EventClaim { limit: 7, per_endpoint: 10, ..claim(at(500)) }).await);
            }
            sent
        }
    });
    let sent: Vec<_> = claims.await.into_iter().flatten().collect();
    let distinct: BTreeSet<_> = sent.iter().map(|sent| sent.event.id).collect();
    assert_eq!(distinct.len(), sent.len(), "no event goes to two");
    assert!(sent.iter().all(|sent| (sent.attempt, sent.fence) == (1, 1)));
    let mut sessions = BTreeSet::new();
    for sent in &sent {
        let session = sent.session_id.clone().map(|session| (sent.event.team_id, session));
        assert!(session.is_none_or(|session| sessions.insert(session)), "a session's events go one after the other");
    }
    for team in teams {
        let of_team = sent.iter().filter(|sent| sent.event.team_id == team).count();
        assert!(of_team <= 10, "{of_team} of a team with 10 places");
    }
    assert!(sent.len() >= 20, "{}", sent.len());
}

pub(super) async fn claims_and_settlements_at_once_deliver_each_event_once(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let mut told = BTreeSet::new();
    for number in 0..60_u64 {
        let session = (number % 2 == 0).then(|| format!("chat {}", number % 7));
        told.insert(tell(&*store, team, session.as_deref(), at(number)).await);
    }
    let delivered = at_once(4, |_| {
        let store = Arc::clone(&store);
        async move {
            let mut delivered = Vec::new();
            for _ in 0..60 {
                let sent = claimed(&*store, &EventClaim { limit: 5, per_endpoint: 8, ..claim(at(500)) }).await;
                settle(&*store, &sent, at(501), NextStep::Delivered).await;
                delivered.extend(sent.into_iter().map(|sent| sent.event.id));
            }
            delivered
        }
    });
    let delivered: Vec<_> = delivered.await.into_iter().flatten().collect();
    assert_eq!(delivered.len(), told.len(), "none twice");
    assert_eq!(delivered.into_iter().collect::<BTreeSet<_>>(), told, "and none lost");
    let tried: u32 = log(&*store, team).await.iter().map(|delivery| delivery.attempts).sum();
    assert_eq!(tried, 60);
}
