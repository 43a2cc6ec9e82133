use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::id::{BotId, UpdateId};
use crate::inbox::{ForgottenUpdates, InboxUpdate, MAX_JSON_BYTES, NewUpdate, UpdateLease};
use crate::store::Store;
use crate::testing::store::fixtures::{at, at_once};

const BOT: BotId = BotId(7_000_000_001);
const OTHER: BotId = BotId(7_000_000_002);
const LEASE: Duration = Duration::from_secs(30);

fn ids(numbers: impl IntoIterator<Item = i64>) -> Vec<UpdateId> {
    numbers.into_iter().map(UpdateId).collect()
}

fn payload(id: UpdateId) -> String {
    format!(r#"{{"update_id":{id},"message":{{"text":"سلام \\ \u0000 \ud83d"}}}}"#)
}

fn updates(numbers: impl IntoIterator<Item = i64>) -> Vec<NewUpdate> {
    ids(numbers).into_iter().map(|id| NewUpdate::new(id, payload(id))).collect()
}

fn lease(now: Timestamp) -> UpdateLease {
    UpdateLease { now, until: now.plus(LEASE) }
}

async fn receive(store: &dyn Store, numbers: impl IntoIterator<Item = i64>, now: Timestamp) -> Vec<UpdateId> {
    store.receive_updates(BOT, &updates(numbers), lease(now)).await.unwrap()
}

async fn claim(store: &dyn Store, now: Timestamp) -> Vec<InboxUpdate> {
    store.claim_updates(BOT, lease(now), 1_000).await.unwrap()
}

async fn claimed_ids(store: &dyn Store, now: Timestamp) -> Vec<UpdateId> {
    claim(store, now).await.into_iter().map(|update| update.id).collect()
}

pub(super) async fn an_update_is_received_once(store: Arc<dyn Store>) {
    assert_eq!(receive(&*store, [3, 1, 2, 3], at(0)).await, ids([1, 2, 3]), "in ascending order");
    assert_eq!(receive(&*store, [2, 5, 4], at(1)).await, ids([4, 5]));
    store.finish_updates(BOT, &ids([1])).await.unwrap();
    assert_eq!(receive(&*store, [1, 2], at(2)).await, [], "neither what is done nor what waits comes again");
    assert_eq!(receive(&*store, [], at(2)).await, []);
    assert_eq!(store.waiting_updates(BOT).await.unwrap(), 4);
}

pub(super) async fn of_several_updates_with_one_number_the_first_counts(store: Arc<dyn Store>) {
    let twice = ["1", "2"].map(|text| NewUpdate::new(UpdateId(9), text));
    assert_eq!(store.receive_updates(BOT, &twice, lease(at(0))).await.unwrap(), ids([9]));
    assert_eq!(claim(&*store, at(30)).await[0].payload, "1");
}

pub(super) async fn an_update_is_claimed_as_it_was_received(store: Arc<dyn Store>) {
    let long = format!("\"{}\"", "x".repeat(MAX_JSON_BYTES - 2));
    let extremes = [UpdateId(i64::MIN), UpdateId(i64::MAX)].map(|id| NewUpdate::new(id, long.as_str()));
    store.receive_updates(BOT, &extremes, lease(at(0))).await.unwrap();
    receive(&*store, [1], at(0)).await;
    let claimed = claim(&*store, at(30)).await;
    let update = |id, payload: &str| InboxUpdate { id, payload: payload.to_owned(), progress: None, attempts: 2 };
    let middle = update(UpdateId(1), &payload(UpdateId(1)));
    assert!(claimed == [update(UpdateId(i64::MIN), &long), middle, update(UpdateId(i64::MAX), &long)]);
}

pub(super) async fn updates_of_bots_are_kept_apart(store: Arc<dyn Store>) {
    receive(&*store, [1, 2], at(0)).await;
    let others = store.receive_updates(OTHER, &updates([2, 3]), lease(at(0))).await.unwrap();
    assert_eq!(others, ids([2, 3]), "another bot's numbers are its own");
    store.finish_updates(OTHER, &ids([1, 2])).await.unwrap();
    store.release_updates(OTHER, &ids([1, 3])).await.unwrap();
    store.renew_updates(OTHER, &ids([1, 2]), at(1_000)).await.unwrap();
    store.note_progress(OTHER, UpdateId(1), "9").await.unwrap();
    assert_eq!((store.waiting_updates(BOT).await.unwrap(), store.waiting_updates(OTHER).await.unwrap()), (2, 1));
    assert_eq!(claimed_ids(&*store, at(29)).await, []);
    let claimed = claim(&*store, at(30)).await;
    assert_eq!(
        claimed.iter().map(|update| (update.id.0, &update.progress)).collect::<Vec<_>>(),
        [(1, &None), (2, &None)]
    );
}

pub(super) async fn an_update_is_nobody_elses_until_its_lease_ends(store: Arc<dyn Store>) {
    receive(&*store, [1, 2], at(0)).await;
    assert_eq!(claimed_ids(&*store, at(29)).await, [], "who received it has it");
    assert_eq!(claimed_ids(&*store, at(30)).await, ids([1, 2]));
    assert_eq!(claimed_ids(&*store, at(59)).await, []);
    let again = claim(&*store, at(60)).await;
    assert_eq!(again.iter().map(|update| update.attempts).collect::<Vec<_>>(), [3, 3]);
}

pub(super) async fn updates_are_claimed_in_order_of_their_numbers(store: Arc<dyn Store>) {
    receive(&*store, [5, 3], at(0)).await;
    receive(&*store, [4, 1, 2], at(1)).await;
    let some = async |limit| {
        let claimed = store.claim_updates(BOT, lease(at(31)), limit).await.unwrap();
        claimed.into_iter().map(|update| update.id.0).collect::<Vec<_>>()
    };
    assert_eq!(some(0).await, [0_i64; 0]);
    assert_eq!(some(2).await, [1, 2]);
    assert_eq!(some(u32::MAX).await, [3, 4, 5]);
}

pub(super) async fn a_renewed_update_stays_with_who_has_it(store: Arc<dyn Store>) {
    receive(&*store, [1, 2, 3], at(0)).await;
    store.renew_updates(BOT, &ids([1, 3, 99]), at(50)).await.unwrap();
    assert_eq!(claimed_ids(&*store, at(49)).await, ids([2]));
    assert_eq!(claimed_ids(&*store, at(50)).await, ids([1, 3]));
}

pub(super) async fn a_released_update_is_free_at_once(store: Arc<dyn Store>) {
    receive(&*store, [1, 2, 3], at(0)).await;
    store.finish_updates(BOT, &ids([3])).await.unwrap();
    store.release_updates(BOT, &ids([2, 3, 99])).await.unwrap();
    store.renew_updates(BOT, &ids([2, 3]), at(1_000)).await.unwrap();
    assert_eq!(claimed_ids(&*store, at(1)).await, ids([2]), "a late renewal does not bring the lease back");
}

pub(super) async fn the_progress_of_an_update_is_told_to_who_claims_it(store: Arc<dyn Store>) {
    receive(&*store, [1, 2], at(0)).await;
    for progress in [r#"{"message":1}"#, r#"{"message":2}"#] {
        store.note_progress(BOT, UpdateId(1), progress).await.unwrap();
    }
    store.note_progress(BOT, UpdateId(99), "1").await.unwrap();
    let claimed = claim(&*store, at(30)).await;
    assert_eq!(
        claimed.iter().map(|update| update.progress.as_deref()).collect::<Vec<_>>(),
        [Some(r#"{"message":2}"#), None]
    );
}

pub(super) async fn what_is_done_does_not_come_again(store: Arc<dyn Store>) {
    receive(&*store, [1, 2, 3], at(0)).await;
    for _ in 0..2 {
        store.finish_updates(BOT, &ids([1, 3, 99])).await.unwrap();
    }
    store.note_progress(BOT, UpdateId(1), "1").await.unwrap();
    assert_eq!(store.waiting_updates(BOT).await.unwrap(), 1);
    assert_eq!(claimed_ids(&*store, at(1_000)).await, ids([2]));
    store.finish_updates(BOT, &ids([2])).await.unwrap();
    assert_eq!((store.waiting_updates(BOT).await.unwrap(), claimed_ids(&*store, at(10_000)).await), (0, vec![]));
}

pub(super) async fn updates_are_forgotten_when_their_time_is_over(store: Arc<dyn Store>) {
    receive(&*store, [1, 2], at(0)).await;
    receive(&*store, [3], at(10)).await;
    store.receive_updates(OTHER, &updates([1]), lease(at(20))).await.unwrap();
    store.finish_updates(BOT, &ids([2, 3])).await.unwrap();
    let forget = async |before| store.forget_updates(before, 100).await.unwrap();
    let forgotten = |done, waiting| ForgottenUpdates { done, waiting };
    assert_eq!(forget(at(0)).await, forgotten(0, 0));
    assert_eq!(forget(at(11)).await, forgotten(2, 1));
    assert_eq!((store.waiting_updates(BOT).await.unwrap(), store.waiting_updates(OTHER).await.unwrap()), (0, 1));
    assert_eq!(forget(at(21)).await, forgotten(0, 1));
    assert_eq!(receive(&*store, [1, 2, 3], at(30)).await, ids([1, 2, 3]), "nothing is known of them any more");
}

pub(super) async fn as_many_updates_are_forgotten_as_may_be(store: Arc<dyn Store>) {
    for number in 0..5_u64 {
        receive(&*store, [10 - number as i64], at(number)).await;
    }
    assert_eq!(store.forget_updates(at(4), 0).await.unwrap(), ForgottenUpdates::default());
    assert_eq!(store.forget_updates(at(4), 3).await.unwrap().waiting, 3);
    assert_eq!(claimed_ids(&*store, at(100)).await, ids([6, 7]), "the oldest went first");
    assert_eq!(store.forget_updates(at(4), 3).await.unwrap().waiting, 1);
}

pub(super) async fn of_8_that_receive_one_update_one_has_it(store: Arc<dyn Store>) {
    let received = at_once(8, |number| {
        let store = Arc::clone(&store);
        // Some in one order, some in the other.
        let mut all = updates(0..40);
        if number % 2 == 0 {
            all.reverse();
        }
        async move { store.receive_updates(BOT, &all, lease(at(0))).await.unwrap() }
    });
    let mut received = received.await.concat();
    received.sort_unstable();
    assert_eq!(received, ids(0..40));
}

pub(super) async fn of_8_that_claim_at_once_each_update_goes_to_one(store: Arc<dyn Store>) {
    receive(&*store, 0..80, at(0)).await;
    let claimed = at_once(8, |_| {
        let store = Arc::clone(&store);
        async move {
            let mut all = Vec::new();
            // Whoever is told of none may have come while others held what is left.
            for _ in 0..40 {
                all.extend(store.claim_updates(BOT, lease(at(30)), 7).await.unwrap());
            }
            all
        }
    });
    let mut claimed: Vec<_> = claimed.await.concat().into_iter().map(|update| update.id).collect();
    claimed.sort_unstable();
    assert_eq!(claimed, ids(0..80));
}
