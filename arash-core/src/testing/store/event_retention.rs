//! For how long events are kept: from their end on, however long they waited.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::id::{EventId, TeamId};
use crate::store::Store;
use crate::testing::store::events::{claim, claimed, claimed_ids, log, make_told_team, tell};
use crate::testing::store::fixtures::{at, by};
use crate::webhook::{Attempt, DeliveryState, NextStep, Redelivery};

const KEPT: Duration = Duration::from_secs(1_000);

/// Tells of something at one second, and settles it at another.
async fn settled(store: &dyn Store, team: TeamId, (told, ended): (u64, u64), next: NextStep) -> EventId {
    let told = tell(store, team, None, at(told)).await;
    let sent = claimed(store, &claim(at(ended))).await;
    let sent = sent.iter().find(|sent| sent.event.id == told).unwrap();
    store.settle_attempts(&[Attempt::of(sent, at(ended), next)]).await.unwrap();
    told
}

async fn forget(store: &dyn Store, now: u64, limit: u32) -> u64 {
    store.forget_events(at(now), KEPT, limit).await.unwrap()
}

async fn kept(store: &dyn Store, team: TeamId) -> Vec<(EventId, DeliveryState)> {
    log(store, team).await.into_iter().map(|kept| (kept.event_id, kept.state)).collect()
}

pub(super) async fn events_whose_time_is_over_are_forgotten(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let delivered = settled(&*store, team, (1, 1), NextStep::Delivered).await;
    let dead = settled(&*store, team, (2, 2), NextStep::Dead).await;
    let waiting = settled(&*store, team, (3, 3), NextStep::RetryAt(at(900))).await;
    let young = settled(&*store, team, (50, 50), NextStep::Delivered).await;
    assert_eq!(forget(&*store, 1_001, 100).await, 0, "longer than so long, not just so long");
    assert_eq!(forget(&*store, 1_050, 0).await, 0);
    assert_eq!(forget(&*store, 1_050, 1).await, 1, "the oldest first");
    assert_eq!(store.delivery(team, delivered).await.unwrap(), None);
    assert_eq!(forget(&*store, 1_050, 100).await, 2);
    assert_eq!(store.delivery(team, dead).await.unwrap(), None);
    let (given_up, tried) = store.delivery(team, waiting).await.unwrap().unwrap();
    assert_eq!((given_up.state, given_up.next_attempt_at, tried.len()), (DeliveryState::Dead, None, 1));
    assert_eq!(given_up.delivered_at, None);
    assert_eq!(claimed_ids(&*store, at(100_000)).await, []);
    assert_eq!(kept(&*store, team).await.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [young, waiting]);
}

pub(super) async fn events_are_kept_from_their_end_on(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    for next in [NextStep::Dead, NextStep::Delivered] {
        let ended = settled(&*store, team, (1, 500), next).await;
        assert_eq!(forget(&*store, 1_500, 100).await, 0, "{next:?}");
        assert_eq!(kept(&*store, team).await[0].0, ended);
        assert_eq!(forget(&*store, 1_501, 100).await, 1, "{next:?}");
        assert_eq!(kept(&*store, team).await, []);
    }
}

pub(super) async fn a_backlog_that_is_given_up_is_kept_as_long_as_others(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    for second in 1..=30 {
        tell(&*store, team, None, at(second)).await;
    }
    while forget(&*store, 2_000, 10).await >= 10 {}
    let all = kept(&*store, team).await;
    assert_eq!(all.iter().filter(|(_, state)| *state == DeliveryState::Dead).count(), 30);
    assert_eq!(forget(&*store, 3_000, 100).await, 0);
    assert_eq!(forget(&*store, 3_001, 100).await, 30);
    assert_eq!(kept(&*store, team).await, []);
}

pub(super) async fn what_was_asked_for_again_waits_anew(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let dead = settled(&*store, team, (1, 2), NextStep::Dead).await;
    store.redeliver(team, Redelivery::One(dead), &by(at(900))).await.unwrap();
    assert_eq!(forget(&*store, 1_900, 100).await, 0);
    assert_eq!(kept(&*store, team).await, [(dead, DeliveryState::Pending)]);
    assert_eq!(forget(&*store, 1_901, 100).await, 1);
    assert_eq!(kept(&*store, team).await, [(dead, DeliveryState::Dead)]);
}

pub(super) async fn what_is_given_up_on_its_way_stays_so_unless_it_is_delivered(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let state = async || kept(&*store, team).await[0].1;
    let told = tell(&*store, team, None, at(1)).await;
    let sent = claimed(&*store, &claim(at(2))).await.remove(0);
    let ended = |at: Timestamp, next| [Attempt::of(&sent, at, next)];
    assert_eq!(forget(&*store, 1_002, 100).await, 1);
    store.settle_attempts(&ended(at(1_003), NextStep::RetryAt(at(1_004)))).await.unwrap();
    assert_eq!(state().await, DeliveryState::Dead);
    store.settle_attempts(&ended(at(1_500), NextStep::Delivered)).await.unwrap();
    assert_eq!(state().await, DeliveryState::Delivered);
    assert_eq!(forget(&*store, 2_500, 100).await, 0);
    assert_eq!(forget(&*store, 2_501, 100).await, 1);
    store.settle_attempts(&ended(at(2_502), NextStep::Delivered)).await.unwrap();
    assert_eq!(store.delivery(team, told).await.unwrap(), None);
}
