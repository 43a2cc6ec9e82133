use std::collections::{HashMap, VecDeque};

use crate::clock::Timestamp;
use crate::id::TeamId;
use crate::webhook::ClaimedEvent;
use crate::webhook::courier::LONGEST_ATTEMPT;

/// How many endpoints are remembered that have nothing to do.
const MAX_IDLE_LANES: usize = 4_096;

/// Bounds of what a node does at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Most attempts.
    pub(super) running: usize,
    /// Most attempts at one endpoint.
    pub(super) per_endpoint: usize,
    /// Most events that are held, those on their way included.
    pub(super) held: usize,
    /// Most bytes of their payloads, beside those of one claim.
    pub(super) held_bytes: usize,
}

/// An event that is this node's until the end of its lease.
#[derive(Debug)]
pub(super) struct Leased {
    pub(super) claimed: ClaimedEvent,
    pub(super) until: Timestamp,
}

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Next {
    /// This one is to be sent.
    Send(Box<ClaimedEvent>),
    /// An attempt might outlast the lease of this one: it is given back.
    GiveBack(Box<ClaimedEvent>),
}

/// How an attempt went, as far as it tells how many more the endpoint can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// The event was taken at once.
    Quick,
    /// It was taken, late.
    Slow,
    /// It was not taken.
    Failed,
}

/// The events that a node holds, by endpoint. Endpoints take turns. One that nothing is known of gets one event at a time,
/// one that takes them quickly gets more and more; so those who let us wait, however many there are, have one place each.
/// Of all places failing endpoints have half at most.
#[derive(Debug)]
pub(super) struct Queues {
    limits: Limits,
    lanes: HashMap<TeamId, Lane>,
    /// The endpoints that something may be sent to, next one first.
    turns: VecDeque<TeamId>,
    running: usize,
    running_failing: usize,
    waiting: usize,
    waiting_failing: usize,
    held_bytes: usize,
}

/// The events of one endpoint.
#[derive(Debug)]
struct Lane {
    waiting: VecDeque<Leased>,
    running: usize,
    /// How many may run at a time.
    window: usize,
    has_turn: bool,
}

impl Default for Lane {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), running: 0, window: 1, has_turn: false }
    }
}

impl Queues {
    pub(super) fn new(limits: Limits) -> Self {
        let (lanes, turns) = (HashMap::new(), VecDeque::new());
        Self { limits, lanes, turns, running: 0, running_failing: 0, waiting: 0, waiting_failing: 0, held_bytes: 0 }
    }

    /// How many attempts run.
    pub(super) fn running(&self) -> usize {
        self.running
    }

    /// How many events wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many more events may be held.
    pub(super) fn room(&self) -> usize {
        let has_room = self.held_bytes < self.limits.held_bytes;
        if has_room { self.limits.held.saturating_sub(self.running + self.waiting) } else { 0 }
    }

    /// Whether there are places for failing endpoints.
    pub(super) fn has_room_for_failing(&self) -> bool {
        self.running_failing + self.waiting_failing < self.max_failing()
    }

    fn max_failing(&self) -> usize {
        (self.limits.running / 2).max(1)
    }

    /// Takes in an event.
    pub(super) fn add(&mut self, leased: Leased) {
        if self.lanes.len() >= MAX_IDLE_LANES {
            self.lanes.retain(|_, lane| lane.running > 0 || !lane.waiting.is_empty());
        }
        let event = &leased.claimed.event;
        let team = event.team_id;
        self.held_bytes += event.payload.len();
        let lane = self.lanes.entry(team).or_default();
        self.waiting += 1;
        self.waiting_failing += usize::from(is_failing(&leased.claimed));
        lane.waiting.push_back(leased);
        self.give_turn(team);
    }

    /// The next event that there is a place for.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<Next> {
        for _ in 0..self.turns.len() {
            if self.running >= self.limits.running {
                return None;
            }
            let team = self.turns.pop_front()?;
            let max_failing = self.max_failing();
            let lane = self.lanes.get_mut(&team)?;
            let is_next_failing = lane.waiting.front().is_some_and(|leased| is_failing(&leased.claimed));
            if is_next_failing && self.running_failing >= max_failing {
                self.turns.push_back(team);
                continue;
            }
            lane.has_turn = false;
            let Some(leased) = lane.waiting.pop_front() else { continue };
            self.waiting -= 1;
            self.waiting_failing -= usize::from(is_next_failing);
            let claimed = Box::new(leased.claimed);
            if now.plus(LONGEST_ATTEMPT) > leased.until {
                self.held_bytes -= claimed.event.payload.len();
                self.give_turn(team);
                return Some(Next::GiveBack(claimed));
            }
            lane.running += 1;
            self.running += 1;
            self.running_failing += usize::from(is_next_failing);
            self.give_turn(team);
            return Some(Next::Send(claimed));
        }
        None
    }

    /// An attempt ended. If it failed, what waits for the same endpoint is given back: it would be kept from those who may
    /// be better off.
    pub(super) fn ended(&mut self, claimed: &ClaimedEvent, pace: Pace) -> Vec<ClaimedEvent> {
        let team = claimed.event.team_id;
        self.running -= 1;
        self.running_failing -= usize::from(is_failing(claimed));
        self.held_bytes -= claimed.event.payload.len();
        let Some(lane) = self.lanes.get_mut(&team) else { return Vec::new() };
        lane.running -= 1;
        lane.window = match pace {
            Pace::Quick => (lane.window * 2).min(self.limits.per_endpoint),
            Pace::Slow => (lane.window / 2).max(1),
            Pace::Failed => 1,
        };
        if pace == Pace::Failed {
            return self.empty_lane(team);
        }
        self.give_turn(team);
        Vec::new()
    }

    /// All events that wait: none of them is sent any more.
    pub(super) fn empty(&mut self) -> Vec<ClaimedEvent> {
        let teams: Vec<_> = self.lanes.keys().copied().collect();
        teams.into_iter().flat_map(|team| self.empty_lane(team)).collect()
    }

    fn empty_lane(&mut self, team: TeamId) -> Vec<ClaimedEvent> {
        let Some(lane) = self.lanes.get_mut(&team) else { return Vec::new() };
        let waiting: Vec<_> = lane.waiting.drain(..).map(|leased| leased.claimed).collect();
        self.waiting -= waiting.len();
        self.waiting_failing -= waiting.iter().filter(|claimed| is_failing(claimed)).count();
        self.held_bytes -= waiting.iter().map(|claimed| claimed.event.payload.len()).sum::<usize>();
        waiting
    }

    fn give_turn(&mut self, team: TeamId) {
        let Some(lane) = self.lanes.get_mut(&team) else { return };
        if !lane.has_turn && !lane.waiting.is_empty() && lane.running < lane.window {
            lane.has_turn = true;
            self.turns.push_back(team);
        }
    }
}

/// Whether the endpoint was failing when the event was claimed.
fn is_failing(claimed: &ClaimedEvent) -> bool {
    claimed.endpoint.failing_since.is_some()
}

#[cfg(test)]
#[path = "queues_tests.rs"]
mod tests;
