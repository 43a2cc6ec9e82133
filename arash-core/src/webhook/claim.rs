//! Which events a node may send now: fair between endpoints, and in order where they have an order key.

use std::collections::{HashMap, HashSet};

use crate::clock::Timestamp;
use crate::id::{EventId, TeamId};
use crate::webhook::{Endpoint, Event};

/// What a node asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventClaim {
    /// The time now; events that are due later are not given.
    pub now: Timestamp,
    /// Until when the events are the node's. From then on any node gets them, unless they were settled.
    pub lease_until: Timestamp,
    /// Most events.
    pub limit: u32,
    /// Most events of one endpoint that are leased at a time, by all nodes together.
    pub per_endpoint: u32,
    /// The same for an endpoint that is failing.
    pub per_failing_endpoint: u32,
    /// Whether events of failing endpoints are asked for too.
    pub failing: bool,
}

impl EventClaim {
    /// How many events of this endpoint may be leased at a time.
    pub fn places(&self, endpoint: &Endpoint) -> u32 {
        match endpoint.failing_since {
            _ if !endpoint.enabled => 0,
            None => self.per_endpoint,
            Some(_) if self.failing => self.per_failing_endpoint,
            Some(_) => 0,
        }
    }
}

/// An event that a node is to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedEvent {
    /// The event.
    pub event: Event,
    /// The session that it tells of.
    pub session_id: Option<String>,
    /// Which attempt this is, from 1 on.
    pub attempt: u32,
    /// The counter of the event's claims: what is settled under an older one changes nothing, unless it delivered.
    pub fence: i64,
    /// Where it goes, as that was when the event was claimed.
    pub endpoint: Endpoint,
    /// When it happened.
    pub created_at: Timestamp,
}

/// An event that is due and that no node has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueEvent {
    /// Its id.
    pub id: EventId,
    /// Whom it is for.
    pub team_id: TeamId,
    /// What it is in order with: of one team and one key, one event is on its way at a time.
    pub order_key: Option<String>,
    /// Since when it is due.
    pub due_at: Timestamp,
    /// How many events of its endpoint may be leased at a time.
    pub places: u32,
}

/// How many of an endpoint's due events are looked at for each of its places: those whose turn it is not
/// are passed over. So a backlog is never read through, and the one that is due first is always looked at.
pub const LOOK_AHEAD: u32 = 4;

/// What nodes have leased.
#[derive(Clone, Debug, Default)]
pub struct LeasedEvents {
    counts: HashMap<TeamId, u32>,
    orders: HashSet<(TeamId, String)>,
}

impl LeasedEvents {
    /// Counts an event that some node has.
    pub fn add(&mut self, team: TeamId, order_key: Option<String>) {
        *self.counts.entry(team).or_default() += 1;
        self.orders.extend(order_key.map(|key| (team, key)));
    }

    /// Up to `limit` of these events that may be sent now: of an order key only the one that is due first, and none while
    /// another is on its way; of an endpoint as many as it has places; first those of the endpoints that have least on
    /// their way, then those that are due first.
    pub fn choose(mut self, mut due: Vec<DueEvent>, limit: u32) -> Vec<EventId> {
        due.sort_unstable_by_key(|event| (event.due_at, event.id));
        let mut chosen = Vec::new();
        for DueEvent { id, team_id, order_key, due_at, places } in due {
            let is_in_turn = order_key.is_none_or(|key| self.orders.insert((team_id, key)));
            let count = self.counts.entry(team_id).or_default();
            if is_in_turn && *count < places {
                *count += 1;
                chosen.push((*count, due_at, id));
            }
        }
        chosen.sort_unstable();
        chosen.into_iter().take(limit as usize).map(|(_, _, id)| id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(number: u128, team: i64, order: Option<u8>, due: i64, places: u32) -> DueEvent {
        DueEvent {
            id: EventId::from_uuid(uuid::Uuid::from_u128(number)),
            team_id: TeamId(team),
            order_key: order.map(|key| key.to_string()),
            due_at: Timestamp::from_millis(due),
            places,
        }
    }

    fn numbers(chosen: &[EventId]) -> Vec<u128> {
        chosen.iter().map(|id| id.as_uuid().as_u128()).collect()
    }

    #[test]
    fn a_backlog_of_one_team_leaves_room_for_another() {
        let mut due: Vec<_> = (0..100).map(|number| event(number, 1, None, number as i64, 50)).collect();
        due.push(event(1_000, 2, None, 5_000, 50));
        let chosen = numbers(&LeasedEvents::default().choose(due, 4));
        assert_eq!(chosen, [0, 1_000, 1, 2]);
    }

    #[test]
    fn of_an_order_key_one_event_is_on_its_way() {
        let due = vec![event(1, 1, Some(1), 10, 9), event(2, 1, Some(1), 11, 9), event(3, 1, Some(2), 12, 9)];
        assert_eq!(numbers(&LeasedEvents::default().choose(due.clone(), 9)), [1, 3]);
        let mut leased = LeasedEvents::default();
        leased.add(TeamId(1), Some("1".to_owned()));
        assert_eq!(numbers(&leased.choose(due.clone(), 9)), [3]);
        let mut of_another_team = LeasedEvents::default();
        of_another_team.add(TeamId(2), Some("1".to_owned()));
        assert_eq!(numbers(&of_another_team.choose(due, 9)), [1, 3]);
    }

    proptest! {
        #[test]
        fn no_endpoint_gets_more_than_its_places_and_no_order_key_more_than_one(
            events in proptest::collection::vec((1_i64..4, proptest::option::of(0_u8..4), 0_i64..20), 0..60),
            leased in proptest::collection::vec((1_i64..4, proptest::option::of(0_u8..4)), 0..6),
            places in 0_u32..5, limit in 0_u32..20,
        ) {
            let due: Vec<_> = events.iter().enumerate()
                .map(|(number, &(team, order, at))| event(number as u128, team, order, at, places)).collect();
            let mut before = LeasedEvents::default();
            let orders: Vec<_> = leased.iter().filter_map(|&(team, order)| Some((team, order?))).collect();
            for (team, order) in &leased {
                before.add(TeamId(*team), order.map(|key| key.to_string()));
            }
            let chosen = before.choose(due.clone(), limit);
            prop_assert!(chosen.len() <= limit as usize);
            let mut seen = HashSet::new();
            for team in 1..4 {
                let of_team: Vec<_> = due.iter().filter(|event| event.team_id.0 == team && chosen.contains(&event.id)).collect();
                let had = leased.iter().filter(|(of, _)| *of == team).count();
                prop_assert!(of_team.is_empty() || of_team.len() + had <= places as usize);
                for event in of_team {
                    if let Some(key) = &event.order_key {
                        prop_assert!(seen.insert((team, key.clone())));
                        prop_assert!(!orders.contains(&(team, key.parse().unwrap())));
                        let is_first = due.iter().all(|other| other.team_id != event.team_id
                            || other.order_key != event.order_key
                            || (other.due_at, other.id) >= (event.due_at, event.id));
                        prop_assert!(is_first, "the first of its order goes first");
                    }
                }
            }
        }
    }
}
