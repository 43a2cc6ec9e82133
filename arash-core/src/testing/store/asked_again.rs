//! Events that somebody asks for again while an attempt to deliver them runs.

use std::sync::Arc;
use std::time::Duration;

use crate::id::{EventId, TeamId};
use crate::store::Store;
use crate::testing::store::events::{LEASE, claim, claimed, claimed_ids, log, make_told_team, tell};
use crate::testing::store::fixtures::{at, by};
use crate::webhook::{Attempt, ClaimedEvent, DeliveryState, NextStep, Redelivery};

async fn ask(store: &dyn Store, team: TeamId, id: EventId, second: u64) {
    assert_eq!(store.redeliver(team, Redelivery::One(id), &by(at(second))).await.unwrap(), 1);
}

/// An event that was claimed a second time at `at(10)`, and is asked for again at `at(11)`.
async fn asked_amid_an_attempt(store: &dyn Store, name: &str) -> (TeamId, ClaimedEvent) {
    let team = make_told_team(store, name, at(0)).await;
    tell(store, team, None, at(1)).await;
    let first = claimed(store, &claim(at(1))).await.remove(0);
    store.settle_attempts(&[Attempt::of(&first, at(2), NextStep::RetryAt(at(10)))]).await.unwrap();
    let running = claimed(store, &claim(at(10))).await.remove(0);
    ask(store, team, running.event.id, 11).await;
    (team, running)
}

pub(super) async fn what_is_asked_for_amid_an_attempt_that_fails_is_sent_at_once_after_it(store: Arc<dyn Store>) {
    for next in [NextStep::RetryAt(at(50_000)), NextStep::Dead, NextStep::GiveBack] {
        let (team, running) = asked_amid_an_attempt(&*store, &format!("{next:?}")).await;
        assert_eq!(claimed_ids(&*store, at(12)).await, [], "nobody sends it beside");
        let attempt = Attempt { status_code: Some(500), ..Attempt::of(&running, at(10), next) };
        store.settle_attempts(std::slice::from_ref(&attempt)).await.unwrap();
        let delivery = log(&*store, team).await.remove(0);
        assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Pending, 0), "{next:?}");
        assert_eq!(delivery.next_attempt_at, Some(at(11)), "{next:?}");
        let tried = store.delivery(team, running.event.id).await.unwrap().unwrap().1;
        let last = tried.last().map(|tried| (tried.attempt, tried.status_code));
        assert_eq!(last == Some((2, Some(500))), attempt.is_sent(), "what was sent is in the log");
        let again = claimed(&*store, &claim(at(13))).await.remove(0);
        assert_eq!((again.event.id, again.attempt, again.fence), (running.event.id, 1, 3));
        // Written again, the old attempt says nothing of the new one; which decides by itself.
        store.settle_attempts(&[attempt]).await.unwrap();
        store.settle_attempts(&[Attempt::of(&again, at(13), NextStep::RetryAt(at(18)))]).await.unwrap();
        let delivery = log(&*store, team).await.remove(0);
        assert_eq!((delivery.attempts, delivery.next_attempt_at), (1, Some(at(18))));
        ask(&*store, team, running.event.id, 14).await;
        let last = claimed(&*store, &claim(at(14))).await.remove(0);
        store.settle_attempts(&[Attempt::of(&last, at(14), NextStep::Delivered)]).await.unwrap();
    }
}

pub(super) async fn what_is_asked_for_amid_an_attempt_that_delivers_it_is_delivered(store: Arc<dyn Store>) {
    let (team, running) = asked_amid_an_attempt(&*store, "Acme").await;
    store.settle_attempts(&[Attempt::of(&running, at(10), NextStep::Delivered)]).await.unwrap();
    let delivery = log(&*store, team).await.remove(0);
    assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Delivered, 1));
    assert_eq!(claimed_ids(&*store, at(100_000)).await, []);
}

pub(super) async fn what_is_asked_for_amid_an_attempt_that_tells_nothing_is_sent_after_its_lease(
    store: Arc<dyn Store>,
) {
    let (team, lost) = asked_amid_an_attempt(&*store, "Acme").await;
    let end = at(10).plus(LEASE);
    let again = claimed(&*store, &claim(end)).await.remove(0);
    assert_eq!((again.event.id, again.attempt), (lost.event.id, 1));
    let late = end.plus(Duration::from_secs(1));
    store.settle_attempts(&[Attempt::of(&lost, late, NextStep::Dead)]).await.unwrap();
    assert_eq!(claimed_ids(&*store, late).await, [], "it is the new holder's");
    store.settle_attempts(&[Attempt::of(&again, late, NextStep::Dead)]).await.unwrap();
    assert_eq!(log(&*store, team).await[0].state, DeliveryState::Dead);
}
