use std::sync::Arc;

use crate::clock::Timestamp;
use crate::id::{ApiKeyId, EventId, TeamId};
use crate::store::Store;
use crate::team::{Actor, AuditPage, ChangeContext};
use crate::testing::store::events::{claim, claimed, claimed_ids, log, make_told_team, tell};
use crate::testing::store::fixtures::{at, at_once, by};
use crate::webhook::{Attempt, DeliveryPage, DeliveryState, NextStep, Redelivery};

/// Tells of something at `at`, and settles it with `next`.
async fn settled(store: &dyn Store, team: TeamId, at: Timestamp, next: NextStep) -> EventId {
    let told = tell(store, team, None, at).await;
    let sent = claimed(store, &claim(at)).await;
    let sent = sent.iter().find(|sent| sent.event.id == told).unwrap();
    store.settle_attempts(&[Attempt::of(sent, at, next)]).await.unwrap();
    told
}

/// One event in each state, oldest first: delivered, dead, waiting.
async fn one_of_each(store: &dyn Store, team: TeamId) -> [EventId; 3] {
    [
        settled(store, team, at(1), NextStep::Delivered).await,
        settled(store, team, at(2), NextStep::Dead).await,
        settled(store, team, at(3), NextStep::RetryAt(at(1_000))).await,
    ]
}

pub(super) async fn deliveries_are_paged_newest_first(store: Arc<dyn Store>) {
    let (team, other) = (make_told_team(&*store, "one", at(0)).await, make_told_team(&*store, "other", at(0)).await);
    let states = [NextStep::Delivered, NextStep::Dead, NextStep::RetryAt(at(5_000))];
    let mut all = Vec::new();
    // Out of their order, and several at one moment.
    for (number, next) in (0..18_u64).zip(states.into_iter().cycle()) {
        all.push((at(number * 7 % 5), settled(&*store, team, at(number * 7 % 5), next).await, next));
        settled(&*store, other, at(number), next).await;
    }
    all.sort_unstable_by_key(|&(at, id, _)| std::cmp::Reverse((at, id)));
    let expected = |state: Option<DeliveryState>| -> Vec<EventId> {
        let is_in = |next| match next {
            NextStep::Delivered => DeliveryState::Delivered,
            NextStep::Dead => DeliveryState::Dead,
            _ => DeliveryState::Pending,
        };
        all.iter()
            .filter(|(_, _, next)| state.is_none_or(|state| is_in(*next) == state))
            .map(|&(_, id, _)| id)
            .collect()
    };
    for state in DeliveryState::ALL.into_iter().map(Some).chain([None]) {
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let page = store.deliveries(team, DeliveryPage { state, before, limit: 4 }).await.unwrap();
            assert!(page.len() <= 4);
            let Some(last) = page.last() else { break };
            before = Some((last.created_at, last.event_id));
            seen.extend(page.into_iter().map(|delivery| delivery.event_id));
            assert!(seen.len() <= 18, "a page repeats what was told before");
        }
        assert_eq!(seen, expected(state), "{state:?}");
    }
}

pub(super) async fn a_team_sees_its_own_deliveries_only(store: Arc<dyn Store>) {
    let (team, other) = (make_told_team(&*store, "one", at(0)).await, make_told_team(&*store, "other", at(0)).await);
    let ids = one_of_each(&*store, team).await;
    assert!(log(&*store, other).await.is_empty());
    for id in ids {
        assert_eq!(store.delivery(other, id).await.unwrap(), None);
        assert_eq!(store.redeliver(other, Redelivery::One(id), &by(at(9))).await.unwrap(), 0);
    }
    let all = Redelivery::Range { from: at(0), to: at(9), only_dead: false };
    assert_eq!(store.redeliver(other, all, &by(at(9))).await.unwrap(), 0);
    assert_eq!(claimed_ids(&*store, at(9)).await, []);
    assert_eq!(store.delivery(team, EventId::new()).await.unwrap(), None);
}

pub(super) async fn an_event_is_sent_again_under_its_id(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    for id in one_of_each(&*store, team).await {
        assert_eq!(store.redeliver(team, Redelivery::One(id), &by(at(9))).await.unwrap(), 1);
        let (delivery, tried) = store.delivery(team, id).await.unwrap().unwrap();
        assert_eq!((delivery.state, delivery.attempts, delivery.delivered_at), (DeliveryState::Pending, 0, None));
        assert_eq!((delivery.next_attempt_at, tried.len()), (Some(at(9)), 1), "what was tried stays in the log");
        let again = claimed(&*store, &claim(at(9))).await.remove(0);
        assert_eq!((again.event.id, again.attempt, again.fence), (id, 1, 2));
        store.settle_attempts(&[Attempt::of(&again, at(10), NextStep::Delivered)]).await.unwrap();
        let (delivery, tried) = store.delivery(team, id).await.unwrap().unwrap();
        assert_eq!((delivery.delivered_at, tried.len()), (Some(at(10)), 2));
    }
}

pub(super) async fn an_event_on_its_way_stays_there_when_it_is_asked_for_again(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let told = tell(&*store, team, None, at(1)).await;
    let sent = claimed(&*store, &claim(at(2))).await.remove(0);
    assert_eq!(store.redeliver(team, Redelivery::One(told), &by(at(3))).await.unwrap(), 1);
    assert_eq!(claimed_ids(&*store, at(4)).await, [], "nobody else sends it beside");
    store.settle_attempts(&[Attempt::of(&sent, at(4), NextStep::GiveBack)]).await.unwrap();
    let sent = claimed(&*store, &claim(at(4))).await.remove(0);
    assert_eq!((sent.attempt, sent.fence), (1, 2), "its attempts count anew");
    store.redeliver(team, Redelivery::One(told), &by(at(5))).await.unwrap();
    store.settle_attempts(&[Attempt::of(&sent, at(5), NextStep::Delivered)]).await.unwrap();
    assert_eq!(log(&*store, team).await[0].state, DeliveryState::Delivered);
}

pub(super) async fn a_range_is_sent_again(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let mut dead = Vec::new();
    for second in 0..6 {
        dead.push(settled(&*store, team, at(second), NextStep::Dead).await);
    }
    let delivered = settled(&*store, team, at(3), NextStep::Delivered).await;
    let waiting = settled(&*store, team, at(3), NextStep::RetryAt(at(1_000))).await;
    let range = |from, to, only_dead| Redelivery::Range { from: at(from), to: at(to), only_dead };
    assert_eq!(store.redeliver(team, range(7, 9, false), &by(at(9))).await.unwrap(), 0);
    assert_eq!(store.redeliver(team, range(1, 3, true), &by(at(10))).await.unwrap(), 3, "both ends belong to it");
    assert_eq!(claimed_ids(&*store, at(10)).await, dead[1..4]);
    assert_eq!(store.redeliver(team, range(0, 3, false), &by(at(11))).await.unwrap(), 2, "what waits is not asked for");
    let mut again = claimed_ids(&*store, at(11)).await;
    again.sort_unstable();
    assert_eq!(again, [dead[0], delivered]);
    assert_eq!(
        log(&*store, team).await.iter().find(|log| log.event_id == waiting).unwrap().next_attempt_at,
        Some(at(1_000))
    );
}

pub(super) async fn what_was_asked_for_again_is_in_the_audit_log(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let [delivered, ..] = one_of_each(&*store, team).await;
    let before = store.audit_log(None, AuditPage::first(100)).await.unwrap().len();
    let by_lead = ChangeContext::new(Actor::lead(ApiKeyId(77), team).in_request("request 1"), at(9));
    store.redeliver(team, Redelivery::One(delivered), &by_lead).await.unwrap();
    let range = Redelivery::Range { from: at(0), to: at(5), only_dead: true };
    store.redeliver(team, range, &by_lead).await.unwrap();
    store.redeliver(team, Redelivery::One(EventId::new()), &by_lead).await.unwrap();
    let entries = store.audit_log(Some(team), AuditPage::first(100)).await.unwrap();
    assert_eq!(
        store.audit_log(None, AuditPage::first(100)).await.unwrap().len(),
        before + 2,
        "what was not done is not told"
    );
    let (one, many) = (&entries[1], &entries[0]);
    assert_eq!((one.action.as_str(), one.object.as_str()), ("webhook.redelivered", format!("webhook:{team}").as_str()));
    assert_eq!((one.actor_key_id, one.request_id.as_deref(), one.at), (Some(ApiKeyId(77)), Some("request 1"), at(9)));
    assert_eq!(one.after.as_ref().unwrap()["event_id"], serde_json::json!(delivered));
    assert_eq!(many.after.as_ref().unwrap()["events"], 1);
}

pub(super) async fn of_16_that_ask_for_one_event_again_it_is_sent_once(store: Arc<dyn Store>) {
    let team = make_told_team(&*store, "Acme", at(0)).await;
    let dead = settled(&*store, team, at(1), NextStep::Dead).await;
    let asked = at_once(16, |number| {
        let store = Arc::clone(&store);
        async move {
            if number % 2 == 0 {
                store.redeliver(team, Redelivery::One(dead), &by(at(9))).await.unwrap();
                Vec::new()
            } else {
                claimed_ids(&*store, at(9)).await
            }
        }
    });
    let mut sent: Vec<_> = asked.await.into_iter().flatten().collect();
    sent.extend(claimed_ids(&*store, at(9)).await);
    assert_eq!(sent, [dead], "while it is on its way, nobody sends it beside");
}
