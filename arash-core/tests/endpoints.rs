//! Where teams are told of events: what becomes of an endpoint and of its secrets, and of the keys that seal them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails panics")]

#[path = "support/stores.rs"]
#[expect(dead_code, reason = "nothing is opened again here")]
mod stores;

use std::sync::Arc;

use arash_core::clock::{Clock, SystemClock};
use arash_core::id::TeamId;
use arash_core::seal::{Keyring, SealingKey, SealingKeyId};
use arash_core::secret::Secret;
use arash_core::team::{Actor, ChangeContext, Edit, TeamSpec};
use arash_core::testing::ManualClock;
use arash_core::webhook::{
    Endpoint, EndpointPut, EndpointSpec, EventKind, EventKinds, Resealed, SECRET_OVERLAP, SealedSecret, SecretColumn,
    give_up_lost_secrets, register_keyring, reseal_secrets,
};
use arash_core::{Engine, EngineBuilder, ErrorKind, Platform, Result};
use futures_util::future::join_all;
use stores::TestStore;

const URL: &str = "https://a.example/hook";

fn at(url: &str) -> EndpointSpec {
    EndpointSpec { url: Some(url.to_owned()), ..EndpointSpec::default() }
}

fn with_secret(secret: Edit<Secret>) -> EndpointSpec {
    EndpointSpec { secret, ..EndpointSpec::default() }
}

/// A keyring of keys with these ids, the newest first; an id always means the same key.
fn ring(ids: &[u32]) -> Keyring {
    let key = |id: &u32| {
        let letter = char::from(b'A' + u8::try_from(*id).unwrap());
        SealingKey::parse(&format!("{id}:{}A=", letter.to_string().repeat(42))).unwrap()
    };
    Keyring::new(ids.iter().map(key).collect()).unwrap()
}

fn builder(store: &TestStore) -> EngineBuilder {
    let platform = Platform::private("internal").models(["offline/assistant"]);
    Engine::builder().platform(platform).shared_store(Arc::clone(&store.store))
}

async fn start(store: &TestStore, keyring: Keyring) -> Result<Engine> {
    builder(store).keyring(keyring).build().await
}

async fn team(engine: &Engine, name: &str) -> TeamId {
    engine.teams().create(TeamSpec::named(name)).await.unwrap().id
}

async fn put(engine: &Engine, team: TeamId, spec: EndpointSpec) -> EndpointPut {
    engine.webhooks().put(team, spec).await.unwrap()
}

fn opened(keyring: &Keyring, endpoint: &Endpoint) -> Vec<Secret> {
    let open = |(column, sealed): (SecretColumn, &_)| keyring.open(column.of(endpoint.team_id), sealed).unwrap();
    endpoint.sealed().map(open).collect()
}

on_each_store! {
    a_secret_is_made_kept_or_replaced_as_it_is_told
    what_is_told_at_once_comes_true_one_by_one
    secrets_are_sealed_anew_while_they_are_used
    a_node_with_other_keys_does_not_start
    what_a_lost_key_sealed_is_given_up
    a_lost_secret_that_is_over_switches_nothing_off
    a_secret_that_opens_nowhere_gives_way_to_a_new_one
}

async fn a_secret_is_made_kept_or_replaced_as_it_is_told(store: TestStore) {
    let engine = start(&store, ring(&[1])).await.unwrap();
    let team = team(&engine, "Acme").await;
    let made = put(&engine, team, at(URL)).await;
    let first = made.new_secret.unwrap();
    assert!(first.expose().starts_with("whsec_"));
    assert_eq!(opened(&ring(&[1]), &made.endpoint), std::slice::from_ref(&first));
    // Left out it stays, and is not shown again.
    let kept = put(&engine, team, EndpointSpec { enabled: Some(false), ..EndpointSpec::default() }).await;
    assert_eq!((kept.new_secret, &kept.endpoint.secret), (None, &made.endpoint.secret));
    // Cleared, another one is made.
    let cleared = put(&engine, team, with_secret(Edit::Clear)).await;
    let second = cleared.new_secret.unwrap();
    assert_eq!(opened(&ring(&[1]), &cleared.endpoint), [second.clone(), first]);
    // Somebody's own is not shown, and the same one again is no replacement.
    let own = Secret::new("my own words-of-16".replace(' ', "-"));
    for _ in 0..2 {
        let told = put(&engine, team, with_secret(Edit::Set(own.clone()))).await;
        assert_eq!((told.new_secret, told.endpoint.secret_hint.as_str()), (None, "…f-16"));
        assert_eq!(opened(&ring(&[1]), &told.endpoint), [own.clone(), second.clone()]);
    }
    let found = engine.webhooks().get(team).await.unwrap();
    assert!(!format!("{found:?}").contains(own.expose()));
    engine.shutdown(std::time::Duration::from_secs(5)).await;
}

async fn what_is_told_at_once_comes_true_one_by_one(store: TestStore) {
    let engine = start(&store, ring(&[1])).await.unwrap();
    let team = team(&engine, "Acme").await;
    // Some make it, some replace its secret; those who replace find it made by others at any moment.
    let told = join_all((0..12).map(|number| {
        let engine = engine.clone();
        async move {
            let secret = if number % 3 == 0 { Edit::Clear } else { Edit::Set(format!("own-secret-{number}").into()) };
            engine.webhooks().put(team, EndpointSpec { secret, ..at(URL) }).await
        }
    }));
    let told: Vec<_> = told.await.into_iter().collect();
    let refused = told.iter().filter_map(|answer| answer.as_ref().err());
    assert!(refused.clone().all(|fault| fault.kind() == ErrorKind::Conflict), "{told:?}");
    let told: Vec<_> = told.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert!(told.len() > 3, "{told:?}");
    let found = engine.webhooks().get(team).await.unwrap();
    let last = told.iter().find(|put| put.endpoint.secret == found.secret).unwrap();
    let secrets = opened(&ring(&[1]), &found);
    assert!(last.new_secret.as_ref().is_none_or(|secret| *secret == secrets[0]));
    let before = told.iter().find(|put| opened(&ring(&[1]), &put.endpoint)[0] == secrets[1]);
    assert!(before.is_some(), "what is good beside it is what somebody was told before");
    engine.shutdown(std::time::Duration::from_secs(5)).await;
}

async fn secrets_are_sealed_anew_while_they_are_used(store: TestStore) {
    let engine = start(&store, ring(&[1])).await.unwrap();
    let mut teams = Vec::new();
    for number in 0..120 {
        let team = team(&engine, &format!("team {number}")).await;
        put(&engine, team, EndpointSpec { secret: Edit::Set(format!("secret-of-{team}").into()), ..at(URL) }).await;
        teams.push(team);
    }
    // While the service knows only the first key, nothing is sealed with the second.
    let both = ring(&[2, 1]);
    let refused = reseal_secrets(&*store.store, &both).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");
    let anew = start(&store, both.clone()).await.unwrap();
    let changing = join_all(teams.iter().take(20).map(|&team| {
        let (anew, secret) = (anew.clone(), Edit::Set(format!("changed-of-{team}").into()));
        async move { anew.webhooks().put(team, with_secret(secret)).await.unwrap() }
    }));
    let (resealing, _) = tokio::join!(reseal_secrets(&*store.store, &both), changing);
    resealing.unwrap();
    // Whatever was changed amid it is found now.
    let last = reseal_secrets(&*store.store, &both).await.unwrap();
    let known = store.store.sealing_keys().await.unwrap();
    assert_eq!(known.iter().map(|key| key.id).collect::<Vec<_>>(), [SealingKeyId(2)], "{last:?}");
    for (number, &team) in teams.iter().enumerate() {
        let secrets = opened(&ring(&[2]), &anew.webhooks().get(team).await.unwrap());
        let (old, new) = (format!("secret-of-{team}").into(), format!("changed-of-{team}").into());
        assert_eq!(secrets, if number < 20 { vec![new, old] } else { vec![old] });
    }
    for engine in [engine, anew] {
        engine.shutdown(std::time::Duration::from_secs(5)).await;
    }
}

async fn a_node_with_other_keys_does_not_start(store: TestStore) {
    let first = start(&store, ring(&[1])).await.unwrap();
    for (other, words) in [
        (ring(&[2]), "were sealed with keys that are missing here: 1"),
        (
            Keyring::generate().unwrap(),
            "were sealed with keys that are missing here: 1 (there is another one of this number)",
        ),
    ] {
        let refused = start(&store, other).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        assert!(refused.to_string().ends_with(words), "{refused}");
    }
    let second = start(&store, ring(&[2, 1])).await.unwrap();
    // From now on the first key alone is not enough.
    let now = SystemClock.now();
    assert!(register_keyring(&*store.store, &ring(&[1]), now).await.unwrap_err().to_string().ends_with("here: 2"));
    // Who has no keys may do all but this.
    let without = builder(&store).build().await.unwrap();
    let team = team(&without, "Acme").await;
    assert_eq!(without.webhooks().put(team, at(URL)).await.unwrap_err().kind(), ErrorKind::Internal);
    drop((first, without));
    second.shutdown(std::time::Duration::from_secs(5)).await;
}

async fn what_a_lost_key_sealed_is_given_up(store: TestStore) {
    let old = start(&store, ring(&[1])).await.unwrap();
    let (lost, kept) = (team(&old, "lost").await, team(&old, "kept").await);
    let spec = |secret: &str| EndpointSpec { secret: Edit::Set(secret.into()), ..at(URL) };
    put(&old, lost, spec("secret-of-lost")).await;
    let new = start(&store, ring(&[2, 1])).await.unwrap();
    put(&new, kept, spec("secret-of-kept")).await;
    // Who has the second key alone finds what the first one sealed unreadable, and leaves it as it is.
    let left = reseal_secrets(&*store.store, &ring(&[2])).await.unwrap();
    assert_eq!((left.resealed, left.unreadable, left.retired), (0, vec![lost], Vec::new()));
    let by = ChangeContext::new(Actor::program(), SystemClock.now());
    let given_up = give_up_lost_secrets(&*store.store, &ring(&[3, 2]), &by).await.unwrap();
    assert_eq!((given_up.resealed, given_up.unreadable), (1, vec![lost]));
    let engine = start(&store, ring(&[3])).await.unwrap();
    let (of_lost, of_kept) = (engine.webhooks().get(lost).await.unwrap(), engine.webhooks().get(kept).await.unwrap());
    assert_eq!((of_lost.enabled, of_kept.enabled), (false, true));
    assert_ne!(of_lost.secret_hint, "…lost", "nobody is shown the secret that is lost");
    assert_eq!(of_lost.previous_secret, None);
    assert_eq!(opened(&ring(&[3]), &of_kept), [Secret::new("secret-of-kept")]);
    assert_ne!(opened(&ring(&[3]), &of_lost), [Secret::new("secret-of-lost")]);
    // A new key needs a number of its own.
    let another = SealingKey::generate(SealingKeyId(3)).unwrap();
    let refused = give_up_lost_secrets(&*store.store, &Keyring::new(vec![another]).unwrap(), &by).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
    for engine in [old, new, engine] {
        engine.shutdown(std::time::Duration::from_secs(5)).await;
    }
}

async fn a_lost_secret_that_is_over_switches_nothing_off(store: TestStore) {
    let old = start(&store, ring(&[1])).await.unwrap();
    let team = team(&old, "Acme").await;
    put(&old, team, EndpointSpec { secret: Edit::Set("secret-before".into()), ..at(URL) }).await;
    let new = start(&store, ring(&[2, 1])).await.unwrap();
    put(&new, team, with_secret(Edit::Set("secret-after".into()))).await;
    // The one before is sealed by the second key, too: as if the first one had sealed it.
    let endpoint = new.webhooks().get(team).await.unwrap();
    let (column, before) = (SecretColumn::Previous, endpoint.previous_secret.clone().unwrap().0);
    let after = ring(&[1]).seal(column.of(team), &"secret-before".into()).unwrap();
    let lost = Resealed { before: SealedSecret { team_id: team, column, sealed: before }, after };
    assert_eq!(store.store.reseal(&[lost]).await.unwrap(), 1);
    let by = ChangeContext::new(Actor::program(), SystemClock.now());
    let given_up = give_up_lost_secrets(&*store.store, &ring(&[3, 2]), &by).await.unwrap();
    assert_eq!(given_up.unreadable, []);
    let found = store.store.endpoint(team).await.unwrap().unwrap();
    assert_eq!((found.enabled, found.secret_hint.as_str()), (true, endpoint.secret_hint.as_str()));
    assert_eq!(opened(&ring(&[3]), &found)[0], "secret-after".into());
    for engine in [old, new] {
        engine.shutdown(std::time::Duration::from_secs(5)).await;
    }
}

async fn a_secret_that_opens_nowhere_gives_way_to_a_new_one(store: TestStore) {
    let engine = start(&store, ring(&[1])).await.unwrap();
    let (robbed, other) = (team(&engine, "robbed").await, team(&engine, "other").await);
    for team in [robbed, other] {
        put(&engine, team, at(URL)).await;
    }
    // The bytes of one row are moved into another.
    let sealed = async |team| store.store.endpoint(team).await.unwrap().unwrap().secret;
    let before = SealedSecret { team_id: robbed, column: SecretColumn::Present, sealed: sealed(robbed).await };
    let moved = Resealed { before, after: sealed(other).await };
    assert_eq!(store.store.reseal(&[moved]).await.unwrap(), 1);
    for secret in [Edit::Clear, Edit::Set("my-own-secret".into())] {
        let mended = put(&engine, robbed, with_secret(secret)).await;
        assert!(opened(&ring(&[1]), &mended.endpoint).len() <= 2);
    }
    let secrets = opened(&ring(&[1]), &engine.webhooks().get(robbed).await.unwrap());
    assert_eq!((secrets.len(), &secrets[0]), (2, &"my-own-secret".into()), "and the one that was made first");
    engine.shutdown(std::time::Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_put_tells_nothing_of_a_previous_secret_that_is_over() {
    let (store, clock) = (stores::memory(), ManualClock::new(SystemClock.now()));
    let engine = builder(&store).keyring(ring(&[1])).clock(Arc::new(clock.clone())).build().await.unwrap();
    let team = team(&engine, "Acme").await;
    put(&engine, team, at(URL)).await;
    assert!(put(&engine, team, with_secret(Edit::Clear)).await.endpoint.previous_secret.is_some());
    clock.advance(SECRET_OVERLAP);
    let kept = put(&engine, team, EndpointSpec { enabled: Some(false), ..EndpointSpec::default() }).await;
    assert_eq!(kept.endpoint.previous_secret, None);
    engine.shutdown(std::time::Duration::from_secs(5)).await;
}

#[tokio::test]
async fn every_field_at_fault_is_named() {
    let engine = start(&stores::memory(), ring(&[1])).await.unwrap();
    let team = team(&engine, "Acme").await;
    let spec = EndpointSpec {
        url: Some("http://localhost".to_owned()),
        secret: Edit::Set("short".into()),
        enabled: None,
        events: Some(EventKinds::NONE),
    };
    let refused = engine.webhooks().put(team, spec).await.unwrap_err();
    let fields: Vec<_> = refused.fields().iter().map(|fault| fault.field.to_string()).collect();
    assert_eq!(fields, ["webhook_url", "webhook_secret", "events"]);
    assert!(refused.to_string().contains("at least one of message.completed, message.failed"), "{refused}");
    let without_url = engine.webhooks().put(team, EndpointSpec::default()).await.unwrap_err();
    assert_eq!(without_url.fields()[0].field, "webhook_url");
    assert_eq!(engine.webhooks().get(team).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn callers_carry_at_once_what_their_team_is_told_of() {
    let engine = start(&stores::memory(), ring(&[1])).await.unwrap();
    let team = team(&engine, "Acme").await;
    let key = engine.keys().create(arash_core::team::KeySpec::new(team, "another")).await.unwrap();
    let told = async || {
        let caller = engine.authenticate(key.secret.expose()).await.unwrap();
        let team = &caller.owner().team;
        (team.webhook_enabled, team.webhook_events.iter().collect::<Vec<_>>())
    };
    assert_eq!(told().await, (false, Vec::new()));
    put(&engine, team, at(URL)).await;
    assert_eq!(told().await, (true, vec![EventKind::MessageCompleted]));
    put(&engine, team, EndpointSpec { enabled: Some(false), ..EndpointSpec::default() }).await;
    assert_eq!(told().await, (false, Vec::new()));
}
