use std::sync::Arc;

use crate::error::ErrorKind;
use crate::id::TeamId;
use crate::store::Store;
use crate::team::{AuditPage, Edit, KeyChange, KeyDigest, PageAfter, TeamChange};
use crate::testing::store::fixtures::{
    at, at_once, by, make_key, make_team, matching, new_key, new_team, once, rotation,
};

pub(super) async fn a_repeated_creation_gives_the_first_result(store: Arc<dyn Store>) {
    let first = store.create_team(new_team("Acme"), &once("a", "Acme", at(0))).await.unwrap();
    assert!(!first.is_replayed);
    let change = TeamChange { name: Some("Renamed".to_owned()), ..TeamChange::default() };
    store.update_team(first.result.id, change, &by(at(1))).await.unwrap();
    let again = store.create_team(new_team("Acme"), &once("a", "Acme", at(2))).await.unwrap();
    assert_eq!((again.result, again.is_replayed), (first.result, true), "as it was made, not as it is");
    assert_eq!(store.teams(false, PageAfter::first(10)).await.unwrap().len(), 1);
    assert_eq!(store.audit_log(None, AuditPage::first(10)).await.unwrap().len(), 2);
    let other = store.create_team(new_team("Acme"), &once("b", "Acme", at(3))).await.unwrap();
    assert!(!other.is_replayed, "another idempotency key is another request");
}

pub(super) async fn a_repeated_key_is_told_as_it_was_made(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let first = store.create_key(new_key(team, "first"), &once("a", "key", at(0))).await.unwrap();
    let id = first.result.key.id;
    let change = KeyChange { daily_quota: Edit::Set(1), ..KeyChange::active(false) };
    store.update_key(id, change, &by(at(1))).await.unwrap();
    let again = store.create_key(new_key(team, "second"), &once("a", "key", at(2))).await.unwrap();
    assert_eq!((&again.result, again.is_replayed), (&first.result, true));
    assert_eq!(store.key_by_digest(&KeyDigest::of("second")).await.unwrap(), None, "no second secret");
    store.delete_key(id, &by(at(3))).await.unwrap();
    let again = store.create_key(new_key(team, "third"), &once("a", "key", at(4))).await.unwrap();
    assert_eq!((again.result, again.is_replayed), (first.result, true), "also when it is gone");
}

pub(super) async fn a_repeated_rotation_changes_nothing(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let key = make_key(&*store, team, "old").await.id;
    let first = store.rotate_key(key, rotation("new", 60), &once("a", "60", at(5))).await.unwrap();
    let epoch = store.key_epoch().await.unwrap();
    let again = store.rotate_key(key, rotation("newer", 60), &once("a", "60", at(9))).await.unwrap();
    assert_eq!((again.result, again.is_replayed), (first.result, true));
    assert_eq!(store.key_by_digest(&KeyDigest::of("newer")).await.unwrap(), None);
    assert_eq!(matching(&*store, "old").await.valid_until, Some(at(65)));
    assert_eq!(store.key_epoch().await.unwrap(), epoch);
    store.update_key(key, KeyChange::active(false), &by(at(10))).await.unwrap();
    let again = store.rotate_key(key, rotation("newest", 60), &once("a", "60", at(11))).await.unwrap();
    assert!(again.is_replayed, "also when it could not be done any more");
}

pub(super) async fn another_request_under_the_same_key_is_a_mismatch(store: Arc<dyn Store>) {
    let team = store.create_team(new_team("Acme"), &once("a", "Acme", at(0))).await.unwrap().result.id;
    let key = make_key(&*store, team, "key").await.id;
    let refusals = [
        store.create_team(new_team("Other"), &once("a", "Other", at(1))).await.unwrap_err(),
        store.create_key(new_key(team, "new"), &once("a", "new", at(1))).await.unwrap_err(),
        store.rotate_key(key, rotation("new", 0), &once("a", "0", at(1))).await.unwrap_err(),
    ];
    assert!(refusals.iter().all(|refusal| refusal.kind() == ErrorKind::IdempotencyMismatch), "{refusals:?}");
    assert_eq!(store.teams(false, PageAfter::first(10)).await.unwrap().len(), 1);
    assert_eq!(store.key_by_digest(&KeyDigest::of("new")).await.unwrap(), None);
}

pub(super) async fn a_refused_change_keeps_no_receipt(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let refused = store.create_team(new_team("Acme"), &once("a", "Acme", at(0))).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    let refused = store.create_key(new_key(TeamId(4_711), "key"), &once("b", "key", at(0))).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    let key = make_key(&*store, team, "old").await.id;
    store.update_key(key, KeyChange::active(false), &by(at(1))).await.unwrap();
    let refused = store.rotate_key(key, rotation("new", 0), &once("c", "0", at(1))).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    store.update_key(key, KeyChange::active(true), &by(at(2))).await.unwrap();
    let done = [
        store.create_team(new_team("Other"), &once("a", "Other", at(3))).await.unwrap().is_replayed,
        store.create_key(new_key(team, "key"), &once("b", "other key", at(3))).await.unwrap().is_replayed,
        store.rotate_key(key, rotation("new", 0), &once("c", "0", at(3))).await.unwrap().is_replayed,
    ];
    assert_eq!(done, [false; 3], "the idempotency keys are still free");
}

pub(super) async fn receipts_of_changes_are_forgotten_when_their_time_is_over(store: Arc<dyn Store>) {
    store.create_team(new_team("old"), &once("old", "team", at(5))).await.unwrap();
    store.create_team(new_team("young"), &once("young", "team", at(6))).await.unwrap();
    store.forget_receipts(at(5)).await.unwrap();
    let again = store.create_team(new_team("new"), &once("old", "another", at(7))).await.unwrap();
    assert!(!again.is_replayed, "its key is free again");
    assert!(store.create_team(new_team("x"), &once("young", "team", at(7))).await.unwrap().is_replayed);
}

pub(super) async fn of_16_creations_under_one_idempotency_key_one_is_made(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let made = at_once(16, |number| {
        let store = Arc::clone(&store);
        async move {
            let made = store.create_team(new_team("Other"), &once("team", "Other", at(0))).await.unwrap();
            let key = new_key(team, &format!("secret {number}"));
            (made, store.create_key(key, &once("key", "key", at(0))).await.unwrap())
        }
    });
    let (teams, keys): (Vec<_>, Vec<_>) = made.await.into_iter().unzip();
    assert_eq!(teams.iter().filter(|made| !made.is_replayed).count(), 1);
    assert_eq!(keys.iter().filter(|made| !made.is_replayed).count(), 1);
    assert!(teams.iter().all(|made| made.result == teams[0].result));
    assert!(keys.iter().all(|made| made.result == keys[0].result));
    assert_eq!(store.teams(false, PageAfter::first(100)).await.unwrap().len(), 2);
    assert_eq!(store.keys(None, PageAfter::first(100)).await.unwrap().len(), 1);
}

pub(super) async fn of_16_rotations_under_one_idempotency_key_one_is_made(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let key = make_key(&*store, team, "old").await.id;
    let rotated = at_once(16, |number| {
        let store = Arc::clone(&store);
        async move {
            let secret = format!("secret {number}");
            (store.rotate_key(key, rotation(&secret, 60), &once("a", "60", at(5))).await.unwrap(), secret)
        }
    });
    let rotated = rotated.await;
    let done: Vec<_> = rotated.iter().filter(|(made, _)| !made.is_replayed).collect();
    assert_eq!(done.len(), 1);
    for (made, secret) in &rotated {
        assert_eq!(made.result, done[0].0.result);
        let is_known = store.key_by_digest(&KeyDigest::of(secret)).await.unwrap().is_some();
        assert_eq!(is_known, *secret == done[0].1);
    }
    assert_eq!(matching(&*store, "old").await.valid_until, Some(at(65)));
}
