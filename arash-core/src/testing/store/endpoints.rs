use std::sync::Arc;

use serde_json::json;

use crate::error::ErrorKind;
use crate::id::{ApiKeyId, TeamId};
use crate::seal::Keyring;
use crate::secret::Secret;
use crate::store::Store;
use crate::team::{Actor, AuditEntry, AuditPage, ChangeContext};
use crate::testing::store::fixtures::{
    at, at_once, by, make_endpoint, make_key, make_team, matching, new_endpoint, new_secret, registered_keyring,
};
use crate::webhook::{Endpoint, EndpointChange, EventKind, EventKinds, ReplacedSecret, SECRET_OVERLAP, SecretColumn};

/// What names nothing, and brings a secret that is used only by an endpoint without one.
fn keeping(ring: &Keyring, team: TeamId) -> EndpointChange {
    EndpointChange { url: None, events: None, ..new_endpoint(ring, team) }
}

/// What gives this endpoint another secret.
fn replacing(ring: &Keyring, endpoint: &Endpoint, text: &str) -> EndpointChange {
    let team = endpoint.team_id;
    let present = ring.open(SecretColumn::Present.of(team), &endpoint.secret).unwrap();
    let previous = ring.seal(SecretColumn::Previous.of(team), &present).unwrap();
    let replaced = Some(ReplacedSecret { present: endpoint.secret.clone(), previous: Some(previous) });
    EndpointChange { secret: new_secret(ring, team, text), replaced, ..keeping(ring, team) }
}

async fn entries(store: &dyn Store, team: TeamId) -> Vec<AuditEntry> {
    let mut entries = store.audit_log(Some(team), AuditPage::first(100)).await.unwrap();
    entries.retain(|entry| entry.object.starts_with("webhook:"));
    entries
}

pub(super) async fn an_endpoint_is_found_as_it_was_made(store: Arc<dyn Store>) {
    let (ring, team) = (registered_keyring(&*store, 1).await, make_team(&*store, "Acme").await.id);
    let other = make_team(&*store, "Other").await.id;
    assert_eq!(store.endpoint(team).await.unwrap(), None);
    let change = new_endpoint(&ring, team);
    let made = store.put_endpoint(change.clone(), &by(at(3))).await.unwrap();
    let expected = Endpoint {
        team_id: team,
        url: change.url.unwrap(),
        secret: change.secret.sealed,
        secret_hint: "…whsec_first".to_owned(),
        previous_secret: None,
        enabled: true,
        events: EventKinds::from_iter(EventKind::ALL),
        failing_since: None,
        disabled_reason: None,
        updated_at: at(3),
    };
    assert_eq!(made, expected);
    assert_eq!(store.endpoint(team).await.unwrap(), Some(expected));
    assert_eq!(store.endpoint(other).await.unwrap(), None);
    assert_eq!(ring.open(SecretColumn::Present.of(team), &made.secret).unwrap(), Secret::new("whsec_first"));
    let entries = entries(&*store, team).await;
    assert_eq!(entries.len(), 1);
    let entry = &entries[0];
    assert_eq!((entry.action.as_str(), entry.at, &entry.before), ("webhook.created", at(3), &None));
}

pub(super) async fn an_endpoint_becomes_what_its_change_says(store: Arc<dyn Store>) {
    let (ring, team) = (registered_keyring(&*store, 1).await, make_team(&*store, "Acme").await.id);
    let made = make_endpoint(&*store, &ring, team).await;
    let events = EventKinds::from_iter([EventKind::KeyRevoked]);
    let url = "https://elsewhere.example/ß?q=\"".to_owned();
    let change = EndpointChange {
        url: Some(url.clone()),
        enabled: Some(false),
        events: Some(events),
        ..new_endpoint(&ring, team)
    };
    let changed = store.put_endpoint(change, &by(at(7))).await.unwrap();
    let expected = Endpoint { url, enabled: false, events, updated_at: at(7), ..made };
    assert_eq!((&changed, store.endpoint(team).await.unwrap().as_ref()), (&expected, Some(&expected)));
    let entry = entries(&*store, team).await.remove(0);
    assert_eq!((entry.action.as_str(), entry.before.unwrap().len()), ("webhook.updated", 3));
    assert_eq!(entry.after.unwrap()["events"], json!(["key.revoked"]));
}

pub(super) async fn a_replaced_secret_is_kept_beside_the_new_one(store: Arc<dyn Store>) {
    let (ring, team) = (registered_keyring(&*store, 1).await, make_team(&*store, "Acme").await.id);
    let made = make_endpoint(&*store, &ring, team).await;
    store.put_endpoint(replacing(&ring, &made, "whsec_second"), &by(at(5))).await.unwrap();
    let found = store.endpoint(team).await.unwrap().unwrap();
    let (previous, end) = found.previous_secret.as_ref().unwrap();
    assert_eq!((found.secret_hint.as_str(), *end), ("…whsec_second", at(5).plus(SECRET_OVERLAP)));
    let opened = |column: SecretColumn, sealed| ring.open(column.of(team), sealed).unwrap();
    assert_eq!(opened(SecretColumn::Present, &found.secret), Secret::new("whsec_second"));
    assert_eq!(opened(SecretColumn::Previous, previous), Secret::new("whsec_first"));
    let stale = store.put_endpoint(replacing(&ring, &made, "whsec_third"), &by(at(6))).await.unwrap_err();
    assert_eq!(stale.kind(), ErrorKind::Conflict, "it was made of a secret that is not the present one");
    assert_eq!(store.endpoint(team).await.unwrap(), Some(found));
    let told = format!("{:?}", entries(&*store, team).await);
    assert!(told.contains("…whsec_second") && !told.contains("secret\": Sealed"), "{told}");
}

pub(super) async fn what_callers_carry_of_an_endpoint_is_what_is_switched_on(store: Arc<dyn Store>) {
    let (ring, team) = (registered_keyring(&*store, 1).await, make_team(&*store, "Acme").await.id);
    make_key(&*store, team, "key").await;
    let mut epoch = store.key_epoch().await.unwrap();
    let events = EventKinds::from_iter([EventKind::MessageFailed, EventKind::KeyCreated]);
    let making = EndpointChange { events: Some(events), ..new_endpoint(&ring, team) };
    let switched = |enabled| EndpointChange { enabled: Some(enabled), ..keeping(&ring, team) };
    for (change, enabled, told) in
        [(making, true, events), (switched(false), false, EventKinds::NONE), (switched(true), true, events)]
    {
        store.put_endpoint(change, &by(at(1))).await.unwrap();
        let by_key = matching(&*store, "key").await.owner.team;
        assert_eq!((by_key.webhook_enabled, by_key.webhook_events), (enabled, told));
        assert_eq!(store.team(team).await.unwrap(), Some(by_key));
        let moved = store.key_epoch().await.unwrap();
        assert!(moved > epoch, "callers who are cached carry what was before");
        epoch = moved;
    }
}

pub(super) async fn an_endpoint_that_does_not_change_writes_nothing(store: Arc<dyn Store>) {
    let (ring, team) = (registered_keyring(&*store, 1).await, make_team(&*store, "Acme").await.id);
    let made = make_endpoint(&*store, &ring, team).await;
    let before = (store.key_epoch().await.unwrap(), entries(&*store, team).await);
    for change in [keeping(&ring, team), new_endpoint(&ring, team)] {
        assert_eq!(store.put_endpoint(change, &by(at(9))).await.unwrap(), made, "its secret is not used");
    }
    assert_eq!((store.key_epoch().await.unwrap(), entries(&*store, team).await), before);
}

pub(super) async fn an_endpoint_belongs_to_a_team_that_there_is(store: Arc<dyn Store>) {
    let ring = registered_keyring(&*store, 1).await;
    let nobodys = store.put_endpoint(new_endpoint(&ring, TeamId(4_711)), &by(at(0))).await.unwrap_err();
    assert_eq!(nobodys.kind(), ErrorKind::NotFound);
    assert_eq!(store.endpoint(TeamId(4_711)).await.unwrap(), None);
    let team = make_team(&*store, "Acme").await.id;
    let without_url = store.put_endpoint(keeping(&ring, team), &by(at(0))).await.unwrap_err();
    assert_eq!(without_url.kind(), ErrorKind::InvalidInput);
    assert_eq!(store.endpoint(team).await.unwrap(), None);
}

pub(super) async fn nobody_changes_another_teams_endpoint(store: Arc<dyn Store>) {
    let (ring, team) = (registered_keyring(&*store, 1).await, make_team(&*store, "Acme").await.id);
    let other = make_team(&*store, "Other").await.id;
    let lead = ChangeContext::new(Actor::lead(ApiKeyId(1), team), at(1));
    store.put_endpoint(new_endpoint(&ring, team), &lead).await.unwrap();
    let refused = store.put_endpoint(new_endpoint(&ring, other), &lead).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    assert_eq!(store.endpoint(other).await.unwrap(), None);
    assert_eq!(entries(&*store, other).await, []);
}

pub(super) async fn of_16_endpoints_made_at_once_for_one_team_one_is(store: Arc<dyn Store>) {
    let (ring, team) = (registered_keyring(&*store, 1).await, make_team(&*store, "Acme").await.id);
    let answers = at_once(16, |_| {
        let (store, change) = (Arc::clone(&store), new_endpoint(&ring, team));
        async move { store.put_endpoint(change, &by(at(1))).await.unwrap() }
    });
    let answers = answers.await;
    assert!(answers.iter().all(|answer| *answer == answers[0]), "the others found it made");
    assert_eq!(store.endpoint(team).await.unwrap().as_ref(), Some(&answers[0]));
    assert_eq!(entries(&*store, team).await.len(), 1);
}

pub(super) async fn of_16_that_replace_one_secret_one_does(store: Arc<dyn Store>) {
    let (ring, team) = (registered_keyring(&*store, 1).await, make_team(&*store, "Acme").await.id);
    let made = make_endpoint(&*store, &ring, team).await;
    let answers = at_once(16, |number| {
        let (store, change) = (Arc::clone(&store), replacing(&ring, &made, &format!("whsec_{number}")));
        async move { store.put_endpoint(change, &by(at(1))).await }
    });
    let (replaced, refused): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(Result::is_ok);
    assert_eq!(replaced.len(), 1);
    assert!(refused.into_iter().all(|answer| answer.unwrap_err().kind() == ErrorKind::Conflict));
}
