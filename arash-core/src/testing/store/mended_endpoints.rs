//! What waits for an endpoint that somebody mends.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::id::{EventId, TeamId};
use crate::seal::Keyring;
use crate::store::Store;
use crate::testing::store::events::{claim, claimed, claimed_ids, make_told_team, tell};
use crate::testing::store::fixtures::{at, by, new_endpoint, registered_keyring};
use crate::webhook::{Attempt, ClaimedEvent, EndpointChange, EventKind, EventKinds, NextStep};

const FAR: u64 = 50_000;

/// Tells of something at this second, which fails and waits until [`FAR`].
async fn put_off(store: &dyn Store, team: TeamId, second: u64) -> EventId {
    let told = tell(store, team, None, at(second)).await;
    let sent = claimed(store, &claim(at(second))).await;
    let sent: Vec<&ClaimedEvent> = sent.iter().filter(|sent| sent.event.id == told).collect();
    let next = NextStep::RetryAt(at(FAR));
    store.settle_attempts(&[Attempt::of(sent[0], at(second), next)]).await.unwrap();
    told
}

async fn due(store: &dyn Store, team: TeamId, id: EventId) -> Option<Timestamp> {
    store.delivery(team, id).await.unwrap().unwrap().0.next_attempt_at
}

/// What changes nothing.
fn keeping(ring: &Keyring, team: TeamId) -> EndpointChange {
    EndpointChange { url: None, events: None, ..new_endpoint(ring, team) }
}

pub(super) async fn what_waits_for_an_endpoint_is_due_when_it_gets_another_address(store: Arc<dyn Store>) {
    let (team, other) = (make_told_team(&*store, "Acme", at(0)).await, make_told_team(&*store, "Other", at(0)).await);
    let ring = registered_keyring(&*store, 99).await;
    let late = [put_off(&*store, team, 1).await, put_off(&*store, team, 2).await];
    let others = put_off(&*store, other, 3).await;
    let early = tell(&*store, team, None, at(9)).await;
    let told = EventKinds::from_iter([EventKind::MessageCompleted]);
    store.put_endpoint(EndpointChange { events: Some(told), ..keeping(&ring, team) }, &by(at(10))).await.unwrap();
    assert_eq!(due(&*store, team, late[0]).await, Some(at(FAR)), "whoever changes something else has not mended it");
    let url = Some("https://elsewhere.example/".to_owned());
    store.put_endpoint(EndpointChange { url, ..keeping(&ring, team) }, &by(at(20))).await.unwrap();
    assert_eq!(due(&*store, team, early).await, Some(at(9)), "what is due already keeps its place");
    assert_eq!(due(&*store, other, others).await, Some(at(FAR)));
    let sent = claimed(&*store, &claim(at(20))).await;
    let sent: Vec<_> = sent.iter().map(|sent| (sent.event.id, sent.attempt)).collect();
    assert_eq!(sent, [(early, 1), (late[0], 2), (late[1], 2)], "and their attempts count on");
}

pub(super) async fn what_waits_for_an_endpoint_is_due_when_it_is_switched_on_again(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let ring = registered_keyring(&*store, 99).await;
    let late = put_off(&*store, team, 1).await;
    let switched = |on| EndpointChange { enabled: Some(on), ..keeping(&ring, team) };
    store.put_endpoint(switched(false), &by(at(5))).await.unwrap();
    assert_eq!(due(&*store, team, late).await, Some(at(FAR)));
    store.put_endpoint(switched(true), &by(at(7))).await.unwrap();
    assert_eq!(claimed_ids(&*store, at(7)).await, [late]);
}

pub(super) async fn what_is_on_its_way_stays_there_when_its_endpoint_is_mended(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let ring = registered_keyring(&*store, 99).await;
    tell(&*store, team, None, at(1)).await;
    let running = claimed(&*store, &claim(at(1))).await.remove(0);
    let delivered = tell(&*store, team, None, at(2)).await;
    let sent = claimed(&*store, &claim(at(2))).await.remove(0);
    store.settle_attempts(&[Attempt::of(&sent, at(2), NextStep::Delivered)]).await.unwrap();
    let url = Some("https://elsewhere.example/".to_owned());
    store.put_endpoint(EndpointChange { url, ..keeping(&ring, team) }, &by(at(3))).await.unwrap();
    assert_eq!(claimed_ids(&*store, at(4)).await, []);
    store.settle_attempts(&[Attempt::of(&running, at(4), NextStep::RetryAt(at(9)))]).await.unwrap();
    assert_eq!(due(&*store, team, running.event.id).await, Some(at(9)));
    assert_eq!(due(&*store, team, delivered).await, None);
}
