//! What teams are told, as their endpoints would get it.

use std::time::Duration;

use arash_core::clock::Timestamp;
use arash_core::id::TeamId;
use arash_core::seal::{Keyring, SealingKey, SealingKeyId};
use arash_core::secret::Secret;
use arash_core::store::Store;
use arash_core::team::{Actor, ChangeContext};
use arash_core::webhook::{EndpointChange, Event, EventClaim, EventKind, NewSecret, SecretColumn};

/// Gives a team an endpoint that is told of these kinds.
pub(crate) async fn told_of(store: &dyn Store, team_id: TeamId, kinds: impl IntoIterator<Item = EventKind>) {
    let key = SealingKey::generate(SealingKeyId(team_id.0 as u32)).unwrap();
    let ring = Keyring::new(vec![key]).unwrap();
    let known = store.sealing_keys().await.unwrap();
    let all = [known, ring.marks()].concat();
    store.register_sealing_key(ring.newest().mark(), &all, Timestamp::default()).await.unwrap();
    let sealed = ring.seal(SecretColumn::Present.of(team_id), &Secret::new("whsec_first")).unwrap();
    let secret = NewSecret { sealed, hint: "…".to_owned() };
    let url = Some("https://hooks.example".to_owned());
    let events = Some(kinds.into_iter().collect());
    let change = EndpointChange { team_id, url, enabled: None, events, secret, replaced: None };
    let by = ChangeContext::new(Actor::program(), Timestamp::default());
    store.put_endpoint(change, &by).await.unwrap();
}

/// All that is to be told and that nobody has claimed, oldest first.
pub(crate) async fn events_told(store: &dyn Store) -> Vec<Event> {
    let now = Timestamp::from_millis(1 << 50);
    let lease_until = now.plus(Duration::from_secs(30));
    let claim =
        EventClaim { now, lease_until, limit: 1_000, per_endpoint: 1_000, per_failing_endpoint: 1_000, failing: true };
    store.claim_events(&claim).await.unwrap().into_iter().map(|claimed| claimed.event).collect()
}
