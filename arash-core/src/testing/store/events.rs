//! The events and endpoints that cases are made of.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::event::EventKind;
use crate::id::{EventId, TeamId};
use crate::store::Store;
use crate::testing::store::fixtures::{by, commit_new, make_team, new_endpoint, registered_keyring, turn};
use crate::webhook::{ClaimedEvent, Delivery, DeliveryPage, Endpoint, Event, EventClaim};

/// For how long events are leased.
pub(super) const LEASE: Duration = Duration::from_secs(30);

pub(super) fn event(team_id: TeamId, payload: &str) -> Event {
    Event { id: EventId::new(), team_id, kind: EventKind::MessageCompleted, payload: payload.to_owned() }
}

/// An endpoint of `team` that is told of everything.
pub(super) async fn make_endpoint(store: &dyn Store, team: TeamId, at: Timestamp) -> Endpoint {
    let ring = registered_keyring(store, team.0 as u32).await;
    store.put_endpoint(new_endpoint(&ring, team), &by(at)).await.unwrap()
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
