use std::collections::BTreeSet;
use std::sync::Arc;

use crate::error::ErrorKind;
use crate::id::TeamId;
use crate::seal::{Keyring, Sealed, SealingKey, SealingKeyId};
use crate::store::Store;
use crate::testing::store::fixtures::{
    at, at_once, by, make_endpoint, make_team, new_endpoint, new_secret, registered_keyring,
};
use crate::webhook::{EndpointChange, ReplacedSecret, Resealed, SealedSecret, SecretColumn};

fn key(id: u32) -> SealingKey {
    SealingKey::generate(SealingKeyId(id)).unwrap()
}

fn ring(id: u32) -> Keyring {
    Keyring::new(vec![key(id)]).unwrap()
}

/// Secrets as `to` seals them, opened by `from`.
fn anew(secrets: Vec<SealedSecret>, from: &Keyring, to: &Keyring) -> Vec<Resealed> {
    let one = |before: SealedSecret| {
        let place = before.column.of(before.team_id);
        let after = to.seal(place, &from.open(place, &before.sealed).unwrap()).unwrap();
        Resealed { before, after }
    };
    secrets.into_iter().map(one).collect()
}

async fn all_otherwise(store: &dyn Store, key: u32) -> Vec<SealedSecret> {
    store.secrets_sealed_otherwise(SealingKeyId(key), TeamId(0), 1_000).await.unwrap()
}

pub(super) async fn a_sealing_key_is_registered_once(store: Arc<dyn Store>) {
    assert_eq!(store.sealing_keys().await.unwrap(), []);
    let first = ring(5);
    for _ in 0..2 {
        let known = store.register_sealing_key(first.newest().mark(), &first.marks(), at(1)).await.unwrap();
        assert_eq!(known, first.marks());
    }
    let both = Keyring::new(vec![key(3), SealingKey::parse(first.newest().to_text().expose()).unwrap()]).unwrap();
    let known = store.register_sealing_key(both.newest().mark(), &both.marks(), at(2)).await.unwrap();
    assert_eq!(known, [both.newest().mark(), first.newest().mark()], "in order of id");
    assert_eq!(store.sealing_keys().await.unwrap(), known);
}

pub(super) async fn a_sealing_key_is_registered_only_by_who_has_all_others(store: Arc<dyn Store>) {
    let first = registered_keyring(&*store, 1).await;
    // One of another id, and another one of the same id.
    for stranger in [ring(2), ring(1)] {
        let known = store.register_sealing_key(stranger.newest().mark(), &stranger.marks(), at(1)).await.unwrap();
        assert_eq!(known, first.marks());
        assert_eq!(store.sealing_keys().await.unwrap(), first.marks());
    }
}

pub(super) async fn of_8_first_starts_one_registers_its_key(store: Arc<dyn Store>) {
    let answers = at_once(8, |number| {
        let (store, own) = (Arc::clone(&store), ring(number as u32 + 1));
        async move { store.register_sealing_key(own.newest().mark(), &own.marks(), at(1)).await.unwrap() }
    });
    let answers = answers.await;
    assert_eq!(answers[0].len(), 1);
    assert!(answers.iter().all(|known| *known == answers[0]), "{answers:?}");
}

pub(super) async fn what_an_unregistered_key_sealed_is_not_stored(store: Arc<dyn Store>) {
    let (known, team) = (registered_keyring(&*store, 1).await, make_team(&*store, "Acme").await.id);
    let refused = |answer: crate::Result<_>| assert_eq!(answer.unwrap_err().kind(), ErrorKind::Conflict);
    refused(store.put_endpoint(new_endpoint(&ring(2), team), &by(at(0))).await);
    let broken = Sealed(b"no sealed bytes".to_vec());
    let mut change = new_endpoint(&known, team);
    change.secret.sealed = broken.clone();
    refused(store.put_endpoint(change, &by(at(0))).await);
    assert_eq!(store.endpoint(team).await.unwrap(), None);
    let made = make_endpoint(&*store, &known, team).await;
    let secret = SealedSecret { team_id: team, column: SecretColumn::Present, sealed: made.secret.clone() };
    for after in [new_secret(&ring(2), team, "whsec_first").sealed, broken] {
        let answer = store.reseal(&[Resealed { before: secret.clone(), after }]).await;
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Conflict);
    }
    assert_eq!(store.endpoint(team).await.unwrap(), Some(made));
}

pub(super) async fn what_another_key_sealed_is_found_page_by_page(store: Arc<dyn Store>) {
    let (old, new) = (registered_keyring(&*store, 1).await, registered_keyring(&*store, 2).await);
    let mut expected = Vec::new();
    for number in 0..7 {
        let team = make_team(&*store, &format!("team {number}")).await.id;
        let sealed = make_endpoint(&*store, if number == 3 { &new } else { &old }, team).await.secret;
        if number != 3 {
            expected.push(SealedSecret { team_id: team, column: SecretColumn::Present, sealed });
        }
    }
    let (mut seen, mut after) = (Vec::new(), TeamId(0));
    loop {
        let page = store.secrets_sealed_otherwise(SealingKeyId(2), after, 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = last.team_id;
        seen.extend(page);
    }
    assert_eq!(seen, expected);
    assert_eq!(all_otherwise(&*store, 1).await.len(), 1);
    assert_eq!(all_otherwise(&*store, 3).await.len(), 7);
}

pub(super) async fn a_secret_is_sealed_anew_where_it_is_still_the_same(store: Arc<dyn Store>) {
    let (old, new) = (registered_keyring(&*store, 1).await, registered_keyring(&*store, 2).await);
    let (one, other) = (make_team(&*store, "one").await.id, make_team(&*store, "other").await.id);
    let made = make_endpoint(&*store, &old, one).await;
    make_endpoint(&*store, &old, other).await;
    // One that has a previous secret too.
    let previous = old.seal(SecretColumn::Previous.of(one), &"whsec_first".into()).unwrap();
    let change = EndpointChange {
        secret: new_secret(&old, one, "whsec_second"),
        replaced: Some(ReplacedSecret { present: made.secret, previous: Some(previous) }),
        ..new_endpoint(&old, one)
    };
    let rotated = store.put_endpoint(change, &by(at(1))).await.unwrap();
    let (found, epoch) = (all_otherwise(&*store, 2).await, store.key_epoch().await.unwrap());
    assert_eq!(found.len(), 3);
    let resealed = anew(found, &old, &new);
    assert_eq!(store.reseal(&resealed).await.unwrap(), 3);
    assert_eq!(store.reseal(&resealed).await.unwrap(), 0, "none is any more what was read");
    assert_eq!(all_otherwise(&*store, 2).await, []);
    let found = store.endpoint(one).await.unwrap().unwrap();
    let opened: Vec<_> = found.sealed().map(|(column, sealed)| new.open(column.of(one), sealed).unwrap()).collect();
    assert_eq!(opened, ["whsec_second".into(), "whsec_first".into()]);
    assert_eq!((found.updated_at, &found.secret_hint), (rotated.updated_at, &rotated.secret_hint));
    assert_eq!(store.key_epoch().await.unwrap(), epoch, "callers carry nothing of it");
}

pub(super) async fn a_key_is_forgotten_when_it_seals_nothing(store: Arc<dyn Store>) {
    let mut rings = Vec::new();
    for id in 1..=4 {
        rings.push(registered_keyring(&*store, id).await);
    }
    let team = make_team(&*store, "Acme").await.id;
    let made = make_endpoint(&*store, &rings[0], team).await;
    // The first key seals the previous secret, the second one the present one.
    let previous = rings[0].seal(SecretColumn::Previous.of(team), &"whsec_first".into()).unwrap();
    let change = EndpointChange {
        secret: new_secret(&rings[1], team, "whsec_second"),
        replaced: Some(ReplacedSecret { present: made.secret, previous: Some(previous) }),
        ..new_endpoint(&rings[1], team)
    };
    store.put_endpoint(change, &by(at(1))).await.unwrap();
    let newest = SealingKeyId(4);
    assert_eq!(store.forget_sealing_keys(newest).await.unwrap(), [SealingKeyId(3)]);
    for secret in all_otherwise(&*store, 4).await {
        let from = if secret.column == SecretColumn::Present { &rings[1] } else { &rings[0] };
        assert_eq!(store.reseal(&anew(vec![secret], from, &rings[3])).await.unwrap(), 1);
    }
    let forgotten: BTreeSet<_> = store.forget_sealing_keys(newest).await.unwrap().into_iter().collect();
    assert_eq!(forgotten, BTreeSet::from([SealingKeyId(1), SealingKeyId(2)]));
    assert_eq!(store.sealing_keys().await.unwrap(), rings[3].marks());
    let late = store.put_endpoint(new_endpoint(&rings[0], make_team(&*store, "Late").await.id), &by(at(2))).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Conflict);
}
