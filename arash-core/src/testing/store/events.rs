//! The events and endpoints that cases are made of.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::event::{EventKind, EventKinds};
use crate::id::{EventId, TeamId};
use crate::seal::{KeyMark, SealingKeyId};
use crate::store::Store;
use crate::testing::store::fixtures::{by, commit_new, make_team, turn};
use crate::webhook::{
    ClaimedEvent, Delivery, DeliveryPage, Endpoint, EndpointChange, Event, EventClaim, NewSecret, Sealed,
};

/// For how long events are leased.
pub(super) const LEASE: Duration = Duration::from_secs(30);

pub(super) fn event(team_id: TeamId, payload: &str) -> Event {
    Event { id: EventId::new(), team_id, kind: EventKind::MessageCompleted, payload: payload.to_owned() }
}

/// A change of the endpoint that changes nothing.
pub(super) fn endpoint_change(team_id: TeamId) -> EndpointChange {
    let secret = NewSecret { sealed: sealed_by_nobody(), hint: "whsec_…abcd".to_owned() };
    EndpointChange { team_id, url: None, enabled: None, events: None, secret, replaced: None }
}

/// What looks as if the key 1 had sealed it.
fn sealed_by_nobody() -> Sealed {
    Sealed([&[1, 0, 0, 0, 1][..], &[0; 40]].concat())
}

/// An endpoint of `team` that is told of everything.
pub(super) async fn make_endpoint(store: &dyn Store, team: TeamId, at: Timestamp) -> Endpoint {
    let key = KeyMark { id: SealingKeyId(1), fingerprint: [0; 16] };
    store.register_sealing_key(key, &[key], at).await.unwrap();
    let change = EndpointChange {
        url: Some(format!("https://hooks.example/{team}")),
        events: Some(EventKinds::from_iter(EventKind::ALL)),
        ..endpoint_change(team)
    };
    store.put_endpoint(change, &by(at)).await.unwrap()
}

/// A team with an endpoint that is told of everything.
pub(super) async fn make_told_team(store: &dyn Store, name: &str, at: Timestamp) -> TeamId {
    let team = make_team(store, name).await.id;
    make_endpoint(store, team, at).await;
    team
}

/// Commits a turn that tells of something at `at`, in a session if one is named.
pub(super) async fn tell(store: &dyn Store, team: TeamId, session: Option<&str>, at: Timestamp) -> EventId {
    let mut cause = turn(at);
    cause.usage.session_key = session.map(str::to_owned);
    cause.events = vec![event(team, "{}")];
    commit_new(store, &cause).await;
    cause.events[0].id
}

/// A claim of all that is due.
pub(super) fn claim(now: Timestamp) -> EventClaim {
    let lease_until = now.plus(LEASE);
    EventClaim { now, lease_until, limit: 1_000, per_endpoint: 1_000, per_failing_endpoint: 1_000, failing: true }
}

pub(super) async fn claimed(store: &dyn Store, claim: &EventClaim) -> Vec<ClaimedEvent> {
    store.claim_events(claim).await.unwrap()
}

/// The ids of all that is due at `now`, which is claimed by this.
pub(super) async fn claimed_ids(store: &dyn Store, now: Timestamp) -> Vec<EventId> {
    claimed(store, &claim(now)).await.into_iter().map(|claimed| claimed.event.id).collect()
}

/// The delivery log of a team, newest first.
pub(super) async fn log(store: &dyn Store, team: TeamId) -> Vec<Delivery> {
    store.deliveries(team, DeliveryPage::first(100_000)).await.unwrap()
}
