use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::id::{EventId, TeamId};
use crate::session::SessionKey;
use crate::store::Store;
use crate::team::AuditPage;
use crate::testing::store::events::{claim, claimed, claimed_ids, event, log, make_told_team, tell};
use crate::testing::store::fixtures::{at, by, change, make_key, new_endpoint, opening, registered_keyring};
use crate::webhook::{
    Attempt, ClaimedEvent, DeliveryAttempt, DeliveryState, EndpointChange, Event, EventKind, EventKinds, NextStep,
};

/// Tells of something at `second` and claims it then.
async fn send(store: &dyn Store, team: TeamId, second: u64) -> ClaimedEvent {
    let told = tell(store, team, None, at(second)).await;
    let claimed = claimed(store, &claim(at(second))).await;
    claimed.into_iter().find(|claimed| claimed.event.id == told).unwrap()
}

fn failed(claimed: &ClaimedEvent, at: Timestamp, next: NextStep) -> Attempt {
    let (status_code, error) = (Some(500), Some("status 500".to_owned()));
    let response_time = Duration::from_millis(120);
    let response_excerpt = Some("oh no".to_owned());
    Attempt { status_code, response_time, error, response_excerpt, ..Attempt::of(claimed, at, next) }
}

async fn failing_since(store: &dyn Store, team: TeamId) -> Option<Timestamp> {
    store.endpoint(team).await.unwrap().unwrap().failing_since
}

async fn attempts(store: &dyn Store, team: TeamId, id: EventId) -> Vec<DeliveryAttempt> {
    store.delivery(team, id).await.unwrap().unwrap().1
}

pub(super) async fn an_attempt_is_found_as_it_was_settled(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let sent = send(&*store, team, 1).await;
    let first = failed(&sent, at(2), NextStep::RetryAt(at(7)));
    store.settle_attempts(std::slice::from_ref(&first)).await.unwrap();
    let (delivery, tried) = store.delivery(team, sent.event.id).await.unwrap().unwrap();
    let expected = DeliveryAttempt {
        id: first.id,
        attempt: 1,
        at: at(2),
        status_code: Some(500),
        response_time: Duration::from_millis(120),
        error: Some("status 500".to_owned()),
        response_excerpt: Some("oh no".to_owned()),
    };
    assert_eq!(tried, [expected]);
    assert_eq!((delivery.state, delivery.attempts, delivery.status_code), (DeliveryState::Pending, 1, Some(500)));
    assert_eq!((delivery.response_time, delivery.error.as_deref()), (Some(first.response_time), Some("status 500")));
    assert_eq!((delivery.next_attempt_at, delivery.created_at, delivery.delivered_at), (Some(at(7)), at(1), None));
    let again = claimed(&*store, &claim(at(7))).await.remove(0);
    let second = Attempt { status_code: Some(204), ..Attempt::of(&again, at(8), NextStep::Delivered) };
    store.settle_attempts(&[second]).await.unwrap();
    let (delivery, tried) = store.delivery(team, sent.event.id).await.unwrap().unwrap();
    assert_eq!(
        tried.iter().map(|tried| (tried.attempt, tried.status_code)).collect::<Vec<_>>(),
        [(1, Some(500)), (2, Some(204))]
    );
    assert_eq!((delivery.state, delivery.attempts, delivery.status_code), (DeliveryState::Delivered, 2, Some(204)));
    assert_eq!((delivery.error, delivery.next_attempt_at, delivery.delivered_at), (None, None, Some(at(8))));
}

pub(super) async fn what_is_settled_twice_counts_once(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let sent = send(&*store, team, 1).await;
    let attempt = failed(&sent, at(2), NextStep::RetryAt(at(7)));
    for _ in 0..2 {
        store.settle_attempts(std::slice::from_ref(&attempt)).await.unwrap();
    }
    assert_eq!(attempts(&*store, team, sent.event.id).await.len(), 1);
    let again = claimed(&*store, &claim(at(7))).await.remove(0);
    let back = Attempt::of(&again, at(8), NextStep::GiveBack);
    for _ in 0..2 {
        store.settle_attempts(std::slice::from_ref(&back)).await.unwrap();
    }
    assert_eq!(log(&*store, team).await[0].attempts, 1);
    store.settle_attempts(&[]).await.unwrap();
}

pub(super) async fn an_event_that_is_given_back_was_never_claimed(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let sent = send(&*store, team, 1).await;
    let before = send(&*store, team, 2).await;
    store.settle_attempts(&[failed(&before, at(2), NextStep::RetryAt(at(3)))]).await.unwrap();
    let before = claimed(&*store, &claim(at(3))).await.remove(0);
    let back = [Attempt::of(&sent, at(4), NextStep::GiveBack), Attempt::of(&before, at(4), NextStep::GiveBack)];
    store.settle_attempts(&back).await.unwrap();
    let log = log(&*store, team).await;
    let figures = |at: usize| (log[at].attempts, log[at].status_code, log[at].error.as_deref());
    assert_eq!((figures(0), figures(1)), ((1, Some(500), Some("status 500")), (0, None, None)));
    assert!(attempts(&*store, team, sent.event.id).await.is_empty());
    assert_eq!(failing_since(&*store, team).await, Some(at(2)), "nothing was learnt of the endpoint");
    let again = claimed(&*store, &claim(at(4))).await;
    let again: Vec<_> = again.iter().map(|claimed| (claimed.event.id, claimed.attempt)).collect();
    assert_eq!(again, [(sent.event.id, 1), (before.event.id, 2)], "at once, and as the same attempt");
}

pub(super) async fn a_late_failure_changes_nothing(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let late = send(&*store, team, 1).await;
    let holder = claimed(&*store, &claim(late.created_at.plus(Duration::from_secs(60)))).await.remove(0);
    assert_eq!(holder.event.id, late.event.id);
    let nexts = [NextStep::RetryAt(at(9)), NextStep::Dead, NextStep::GiveBack];
    for next in nexts {
        store.settle_attempts(&[failed(&late, at(70), next)]).await.unwrap();
        assert_eq!(claimed_ids(&*store, at(71)).await, [], "it is the holder's still");
    }
    assert_eq!(log(&*store, team).await[0].status_code, None);
    assert_eq!(attempts(&*store, team, late.event.id).await.len(), 2, "what was sent is in the log");
    store.settle_attempts(&[failed(&holder, at(72), NextStep::RetryAt(at(80)))]).await.unwrap();
    store.settle_attempts(&[failed(&late, at(73), NextStep::Dead)]).await.unwrap();
    assert_eq!(claimed_ids(&*store, at(80)).await, [late.event.id]);
}

pub(super) async fn a_late_success_delivers(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let late = send(&*store, team, 1).await;
    let holder = claimed(&*store, &claim(at(61))).await.remove(0);
    store.settle_attempts(&[Attempt::of(&late, at(62), NextStep::Delivered)]).await.unwrap();
    assert_eq!(log(&*store, team).await[0].delivered_at, Some(at(62)));
    store.settle_attempts(&[failed(&holder, at(63), NextStep::RetryAt(at(64)))]).await.unwrap();
    let delivery = log(&*store, team).await.remove(0);
    assert_eq!((delivery.state, delivery.delivered_at), (DeliveryState::Delivered, Some(at(62))), "it has it");
    assert_eq!(claimed_ids(&*store, at(100_000)).await, []);
}

pub(super) async fn one_batch_settles_an_event_twice_in_its_order(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let late = send(&*store, team, 1).await;
    let holder = claimed(&*store, &claim(at(61))).await.remove(0);
    let both = [failed(&holder, at(62), NextStep::Dead), Attempt::of(&late, at(63), NextStep::Delivered)];
    store.settle_attempts(&both).await.unwrap();
    assert_eq!(log(&*store, team).await[0].state, DeliveryState::Delivered);
    assert_eq!(attempts(&*store, team, late.event.id).await.len(), 2);
}

pub(super) async fn another_teams_event_is_not_settled(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let other = make_told_team(&*store, "Other", at(0)).await;
    let sent = send(&*store, team, 1).await;
    let foreign = Attempt { team_id: other, ..Attempt::of(&sent, at(2), NextStep::Delivered) };
    store.settle_attempts(&[foreign]).await.unwrap();
    assert_eq!(log(&*store, team).await[0].state, DeliveryState::Pending);
    assert!(attempts(&*store, team, sent.event.id).await.is_empty());
}

pub(super) async fn failures_and_successes_are_noted_of_the_endpoint(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let other = make_told_team(&*store, "Other", at(0)).await;
    let epoch = store.key_epoch().await.unwrap();
    for (second, next, expected) in [
        (10, NextStep::RetryAt(at(500)), Some(at(10))),
        (20, NextStep::Dead, Some(at(10))),
        (30, NextStep::Delivered, None),
        (40, NextStep::Dead, Some(at(40))),
    ] {
        let sent = send(&*store, team, second).await;
        store.settle_attempts(&[failed(&sent, at(second), next)]).await.unwrap();
        assert_eq!(failing_since(&*store, team).await, expected, "at {second}");
    }
    assert_eq!(failing_since(&*store, other).await, None);
    assert_eq!(store.key_epoch().await.unwrap(), epoch, "callers carry nothing of that");
}

pub(super) async fn an_endpoint_is_switched_off_with_a_reason(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let epoch = store.key_epoch().await.unwrap();
    let (one, two) = (send(&*store, team, 1).await, send(&*store, team, 2).await);
    let gone = |sent, second| Attempt {
        disable: Some("it answered 410".to_owned()),
        ..failed(sent, at(second), NextStep::RetryAt(at(9)))
    };
    store.settle_attempts(&[gone(&one, 3), gone(&two, 4)]).await.unwrap();
    let endpoint = store.endpoint(team).await.unwrap().unwrap();
    assert_eq!((endpoint.enabled, endpoint.disabled_reason.as_deref()), (false, Some("it answered 410")));
    assert_eq!(endpoint.updated_at, one.endpoint.updated_at, "nobody changed it by hand");
    let told = store.team(team).await.unwrap().unwrap();
    assert!(!told.webhook_enabled && told.webhook_events.is_empty());
    assert!(store.key_epoch().await.unwrap() > epoch, "callers carry what their team is told of");
    let entries = store.audit_log(Some(team), AuditPage::first(10)).await.unwrap();
    let of_webhook: Vec<_> = entries.iter().filter(|entry| entry.object == format!("webhook:{team}")).collect();
    assert_eq!(of_webhook[0].action, "webhook.disabled");
    assert_eq!((of_webhook.len(), of_webhook[0].at, of_webhook[0].actor_key_id), (2, at(3), None), "once");
    assert_eq!(claimed_ids(&*store, at(10)).await, [], "its events are held");
    let on = EndpointChange { enabled: Some(true), ..new_endpoint(&registered_keyring(&*store, 99).await, team) };
    store.put_endpoint(on, &by(at(20))).await.unwrap();
    assert_eq!(claimed_ids(&*store, at(20)).await.len(), 2, "and not lost");
}

pub(super) async fn what_is_learnt_of_an_endpoint_tells_nothing_of_a_changed_one(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let ring = registered_keyring(&*store, 99).await;
    // Also of two changes within one moment, and by a clock that was put back.
    for (number, second) in [(1, 2), (2, 2), (3, 0)] {
        let sent = send(&*store, team, 10 + number).await;
        let url = Some(format!("https://elsewhere.example/{number}"));
        let moved = EndpointChange { url, ..new_endpoint(&ring, team) };
        let changed = store.put_endpoint(moved, &by(at(second))).await.unwrap();
        let gone = Attempt { disable: Some("gone".to_owned()), ..failed(&sent, at(20), NextStep::Dead) };
        store.settle_attempts(&[gone]).await.unwrap();
        assert_eq!(store.endpoint(team).await.unwrap(), Some(changed), "change {number}");
    }
}

pub(super) async fn a_test_is_in_the_log_and_waits_for_nothing(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let endpoint = store.endpoint(team).await.unwrap().unwrap();
    let test = Event { kind: EventKind::WebhookTest, ..event(team, "{}") };
    let refused = Attempt {
        status_code: Some(404),
        error: Some("status 404".to_owned()),
        ..Attempt::first_of(&test, &endpoint, at(5), NextStep::Dead)
    };
    store.record_test(&test, &refused).await.unwrap();
    let (delivery, tried) = store.delivery(team, test.id).await.unwrap().unwrap();
    assert_eq!((delivery.kind, delivery.state, delivery.attempts), (EventKind::WebhookTest, DeliveryState::Dead, 1));
    assert_eq!((delivery.status_code, delivery.created_at, tried.len()), (Some(404), at(5), 1));
    assert_eq!(failing_since(&*store, team).await, None, "a test that fails is nothing that lasts");
    let sent = send(&*store, team, 6).await;
    store.settle_attempts(&[failed(&sent, at(6), NextStep::Dead)]).await.unwrap();
    let good = Event { kind: EventKind::WebhookTest, ..event(team, "{}") };
    let passed = Attempt::first_of(&good, &endpoint, at(7), NextStep::Delivered);
    store.record_test(&good, &passed).await.unwrap();
    assert_eq!((failing_since(&*store, team).await, log(&*store, team).await[0].delivered_at), (None, Some(at(7))));
    assert_eq!(claimed_ids(&*store, at(100_000)).await, []);
}

pub(super) async fn what_is_settled_of_a_deleted_session_leaves_nothing(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let key = SessionKey::private("internal", team, "chat");
    change(&*store, opening(&key, &["a", "b"], at(0))).await;
    let told = [tell(&*store, team, Some(key.as_str()), at(1)).await, tell(&*store, team, None, at(1)).await];
    let sent = claimed(&*store, &claim(at(2))).await;
    let first = sent.iter().find(|sent| sent.event.id == told[0]).unwrap();
    store.settle_attempts(&[failed(first, at(3), NextStep::RetryAt(at(4)))]).await.unwrap();
    let again = claimed(&*store, &claim(at(4))).await.remove(0);
    assert!(store.delete_session(&key, at(5)).await.unwrap());
    store.settle_attempts(&[failed(&again, at(6), NextStep::RetryAt(at(7)))]).await.unwrap();
    assert_eq!(store.delivery(team, told[0]).await.unwrap(), None);
    assert_eq!(log(&*store, team).await.iter().map(|kept| kept.event_id).collect::<Vec<_>>(), [told[1]]);
    assert_eq!(claimed_ids(&*store, at(100_000)).await, [told[1]]);
}

pub(super) async fn an_endpoint_is_told_of_what_it_wants(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let only = EventKinds::from_iter([EventKind::KeyRevoked]);
    let ring = registered_keyring(&*store, 99).await;
    store.put_endpoint(EndpointChange { events: Some(only), ..new_endpoint(&ring, team) }, &by(at(1))).await.unwrap();
    let key = make_key(&*store, team, "key").await;
    assert!(log(&*store, team).await.is_empty());
    store.delete_key(key.id, &by(at(2))).await.unwrap();
    assert_eq!(log(&*store, team).await.iter().map(|told| told.kind).collect::<Vec<_>>(), [EventKind::KeyRevoked]);
}
