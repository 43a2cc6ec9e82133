use std::collections::BTreeSet;
use std::sync::Arc;

use crate::error::ErrorKind;
use crate::store::Store;
use crate::team::{ApiKey, KeyChange, KeyDigest, KeyMatch, KeyOwner, NewApiKey};
use crate::testing::store::fixtures::{at, at_once, by, make_key, make_team, matching, new_key, rotation};

async fn is_known(store: &dyn Store, secret: &str) -> bool {
    store.key_by_digest(&KeyDigest::of(secret)).await.unwrap().is_some()
}

pub(super) async fn a_rotated_key_has_two_secrets_for_a_while(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await;
    let key = make_key(&*store, team.id, "old").await;
    let rotated = store.rotate_key(key.id, rotation("new", 60), &by(at(5))).await.unwrap();
    let expected = ApiKey { key_prefix: "sk_live_wxyz".to_owned(), previous_expires_at: Some(at(65)), ..key.clone() };
    let owner = KeyOwner { key: expected, team };
    assert_eq!((rotated.result, rotated.is_replayed), (owner.clone(), false));
    assert_eq!(matching(&*store, "new").await, KeyMatch { owner: owner.clone(), valid_until: None });
    assert_eq!(matching(&*store, "old").await, KeyMatch { owner: owner.clone(), valid_until: Some(at(65)) });
    assert_eq!(store.key(key.id).await.unwrap(), Some(owner));
}

pub(super) async fn a_rotation_without_overlap_leaves_one_secret(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let key = make_key(&*store, team, "old").await;
    let rotated = store.rotate_key(key.id, rotation("new", 0), &by(at(5))).await.unwrap().result.key;
    assert_eq!(rotated.previous_expires_at, None);
    assert!(is_known(&*store, "new").await && !is_known(&*store, "old").await);
    make_key(&*store, team, "old").await;
    assert_eq!(matching(&*store, "new").await.owner.key.id, key.id);
}

pub(super) async fn a_second_rotation_drops_the_oldest_secret(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let key = make_key(&*store, team, "first").await.id;
    store.rotate_key(key, rotation("second", 600), &by(at(5))).await.unwrap();
    store.rotate_key(key, rotation("third", 60), &by(at(10))).await.unwrap();
    assert!(!is_known(&*store, "first").await);
    assert_eq!(matching(&*store, "second").await.valid_until, Some(at(70)));
    assert_eq!(matching(&*store, "third").await.valid_until, None);
    store.rotate_key(key, rotation("fourth", 0), &by(at(20))).await.unwrap();
    assert!(!is_known(&*store, "second").await && !is_known(&*store, "third").await);
    assert!(is_known(&*store, "fourth").await);
}

pub(super) async fn the_end_of_a_key_is_the_end_of_its_secrets(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let new = NewApiKey { expires_at: Some(at(30)), ..new_key(team, "old") };
    let key = store.create_key(new, &by(at(0))).await.unwrap().result.key.id;
    store.rotate_key(key, rotation("new", 60), &by(at(5))).await.unwrap();
    for secret in ["old", "new"] {
        assert_eq!(matching(&*store, secret).await.valid_until, Some(at(30)));
    }
}

pub(super) async fn a_rotated_key_stays_what_it_is(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let new = NewApiKey { daily_quota: Some(7), created_by: Some("someone".to_owned()), ..new_key(team, "old") };
    let key = store.create_key(new, &by(at(0))).await.unwrap().result.key;
    store.rotate_key(key.id, rotation("new", 60), &by(at(5))).await.unwrap();
    let changed = store.update_key(key.id, KeyChange::active(false), &by(at(6))).await.unwrap().key;
    let expected =
        ApiKey { key_prefix: "sk_live_wxyz".to_owned(), previous_expires_at: Some(at(65)), is_active: false, ..key };
    assert_eq!(changed, expected);
    for secret in ["old", "new"] {
        assert_eq!(matching(&*store, secret).await.owner.key, expected, "revoked, it is so with both secrets");
    }
}

pub(super) async fn a_key_that_is_refused_is_not_rotated(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let revoked = make_key(&*store, team, "revoked").await.id;
    store.update_key(revoked, KeyChange::active(false), &by(at(1))).await.unwrap();
    let expired = NewApiKey { expires_at: Some(at(5)), ..new_key(team, "expired") };
    let expired = store.create_key(expired, &by(at(0))).await.unwrap().result.key.id;
    for key in [revoked, expired] {
        let refused = store.rotate_key(key, rotation("new", 60), &by(at(5))).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Conflict);
    }
    assert!(!is_known(&*store, "new").await);
    assert!(is_known(&*store, "revoked").await && is_known(&*store, "expired").await);
}

pub(super) async fn a_previous_secret_is_nobody_elses(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let (key, other) = (make_key(&*store, team, "old").await.id, make_key(&*store, team, "other").await.id);
    store.rotate_key(key, rotation("new", 60), &by(at(5))).await.unwrap();
    for taken in ["old", "new", "other"] {
        let refused = store.create_key(new_key(team, taken), &by(at(6))).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AlreadyExists, "{taken}");
        let refused = store.rotate_key(other, rotation(taken, 60), &by(at(6))).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AlreadyExists, "{taken}");
    }
    for taken in ["old", "new"] {
        let refused = store.rotate_key(key, rotation(taken, 0), &by(at(6))).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AlreadyExists, "its own secrets are not new");
    }
    for (secret, owner) in [("old", key), ("new", key), ("other", other)] {
        assert_eq!(matching(&*store, secret).await.owner.key.id, owner);
    }
}

pub(super) async fn a_deleted_key_takes_its_previous_secret_along(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let key = make_key(&*store, team, "old").await.id;
    store.rotate_key(key, rotation("new", 60), &by(at(5))).await.unwrap();
    store.delete_key(key, &by(at(6))).await.unwrap();
    assert!(!is_known(&*store, "old").await && !is_known(&*store, "new").await);
}

pub(super) async fn of_16_rotations_at_once_the_last_two_secrets_are_known(store: Arc<dyn Store>) {
    let team = make_team(&*store, "Acme").await.id;
    let key = make_key(&*store, team, "first").await.id;
    at_once(16, |number| {
        let store = Arc::clone(&store);
        async move { store.rotate_key(key, rotation(&format!("secret {number}"), 60), &by(at(5))).await.unwrap() }
    })
    .await;
    let mut ends = BTreeSet::new();
    for number in 0..16 {
        if let Some(found) = store.key_by_digest(&KeyDigest::of(&format!("secret {number}"))).await.unwrap() {
            assert!(ends.insert(found.valid_until), "one is the present one, one the previous one");
        }
    }
    assert_eq!(ends.into_iter().collect::<Vec<_>>(), [None, Some(at(65))]);
    assert!(!is_known(&*store, "first").await);
}
