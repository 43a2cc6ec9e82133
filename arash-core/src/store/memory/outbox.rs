use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{EventId, TeamId};
use crate::store::MemoryStore;
use crate::store::memory::{MAX_RECORDS, State};
use crate::team::{AuditEntry, ChangeContext};
use crate::turn::TurnCommit;
use crate::webhook::{
    Attempt, ClaimedEvent, Delivery, DeliveryAttempt, DeliveryPage, DeliveryState, DueEvent, EndpointNews, Event,
    EventClaim, LOOK_AHEAD, LeasedEvents, MAX_HURRIED, MAX_REDELIVERED, NextStep, OutboxStore, Redelivery,
};

/// Events, and who has them. Of those that wait for nothing any more, the newest.
#[derive(Default)]
pub(super) struct Outbox {
    events: BTreeMap<EventId, Entry>,
    /// The events that wait and that no node has, team by team, those that are due first at the front.
    waiting: BTreeSet<(TeamId, Timestamp, EventId)>,
    /// The events that some node has.
    leased: BTreeSet<EventId>,
    /// The events that wait for nothing.
    finished: BTreeSet<EventId>,
    /// All events, those first that are in their state longest.
    by_age: BTreeSet<(Timestamp, EventId)>,
}

struct Entry {
    event: Event,
    log: Delivery,
    order_key: Option<String>,
    /// Since when it is in its state.
    state_since: Timestamp,
    /// When it is due, while it waits.
    due_at: Timestamp,
    fence: i64,
    lease_until: Option<Timestamp>,
    attempts: Vec<DeliveryAttempt>,
}

impl Entry {
    fn new(event: Event, at: Timestamp) -> Self {
        let log = Delivery {
            event_id: event.id,
            team_id: event.team_id,
            kind: event.kind,
            session_id: None,
            state: DeliveryState::Pending,
            attempts: 0,
            status_code: None,
            response_time: None,
            error: None,
            next_attempt_at: None,
            created_at: at,
            delivered_at: None,
        };
        let (order_key, lease_until, attempts) = (None, None, Vec::new());
        Self { event, log, order_key, state_since: at, due_at: at, fence: 0, lease_until, attempts }
    }

    fn of_turn(event: Event, turn: &TurnCommit) -> Self {
        let mut entry = Self::new(event, turn.usage.created_at);
        entry.log.session_id.clone_from(&turn.usage.session_key);
        entry.order_key.clone_from(&turn.usage.session_key);
        entry
    }

    /// Its place in the log.
    fn place(&self) -> (Timestamp, EventId) {
        (self.log.created_at, self.event.id)
    }

    fn delivery(&self) -> Delivery {
        let (is_pending, is_delivered) =
            (self.log.state == DeliveryState::Pending, self.log.state == DeliveryState::Delivered);
        let (next_attempt_at, delivered_at) =
            (is_pending.then_some(self.due_at), is_delivered.then_some(self.state_since));
        Delivery { next_attempt_at, delivered_at, ..self.log.clone() }
    }

    /// Writes down an attempt, and what becomes of the event if the attempt may still say so.
    fn settle(&mut self, attempt: &Attempt) {
        if attempt.team_id != self.event.team_id {
            return;
        }
        if attempt.is_sent() && !self.attempts.iter().any(|known| known.id == attempt.id) {
            self.attempts.push(log_of(attempt));
            self.attempts.sort_by_key(|attempt| (attempt.at, attempt.id));
        }
        let is_holder = self.lease_until.is_some() && self.fence == attempt.fence;
        if self.log.state == DeliveryState::Delivered || !(is_holder || attempt.is_delivered()) {
            return;
        }
        self.lease_until = None;
        let is_asked_for_again = self.log.attempts < attempt.attempt;
        match attempt.next {
            NextStep::Delivered => {
                (self.log.state, self.state_since) = (DeliveryState::Delivered, attempt.at);
                self.log.attempts = self.log.attempts.max(1);
            }
            NextStep::RetryAt(_) | NextStep::Dead if is_asked_for_again => {}
            NextStep::RetryAt(at) => self.due_at = at,
            NextStep::Dead => (self.log.state, self.state_since) = (DeliveryState::Dead, attempt.at),
            NextStep::GiveBack => {
                self.log.attempts = self.log.attempts.saturating_sub(1);
                return;
            }
        }
        self.log.status_code = attempt.status_code;
        self.log.response_time = Some(attempt.response_time);
        self.log.error.clone_from(&attempt.error);
    }

    fn send_again(&mut self, now: Timestamp) {
        (self.log.state, self.state_since) = (DeliveryState::Pending, now);
        (self.log.attempts, self.due_at) = (0, now);
    }

    fn give_up(&mut self, now: Timestamp) {
        (self.log.state, self.state_since) = (DeliveryState::Dead, now);
        self.lease_until = None;
    }
}

fn log_of(attempt: &Attempt) -> DeliveryAttempt {
    DeliveryAttempt {
        id: attempt.id,
        attempt: attempt.attempt,
        at: attempt.at,
        status_code: attempt.status_code,
        response_time: attempt.response_time,
        error: attempt.error.clone(),
        response_excerpt: attempt.response_excerpt.clone(),
    }
}

impl Outbox {
    /// Takes in what a turn tells.
    pub(super) fn add(&mut self, turn: &TurnCommit) {
        for event in &turn.events {
            self.insert(Entry::of_turn(event.clone(), turn));
        }
    }

    /// Takes in an event that comes from no turn, if there is one, with its order key.
    pub(super) fn tell(&mut self, event: Option<Event>, order_key: String, at: Timestamp) {
        if let Some(event) = event {
            self.insert(Entry { order_key: Some(order_key), ..Entry::new(event, at) });
        }
    }

    fn insert(&mut self, entry: Entry) {
        let id = entry.event.id;
        self.events.insert(id, entry);
        self.file(id);
    }

    /// Changes an event, and puts it where it belongs since.
    fn change(&mut self, id: EventId, change: impl FnOnce(&mut Entry)) {
        let Some(entry) = self.events.get_mut(&id) else { return };
        self.waiting.remove(&(entry.event.team_id, entry.due_at, id));
        self.leased.remove(&id);
        self.finished.remove(&id);
        self.by_age.remove(&(entry.state_since, id));
        change(entry);
        self.file(id);
    }

    fn file(&mut self, id: EventId) {
        let Some(entry) = self.events.get(&id) else { return };
        match entry.lease_until {
            _ if entry.log.state != DeliveryState::Pending => self.finished.insert(id),
            Some(_) => self.leased.insert(id),
            None => self.waiting.insert((entry.event.team_id, entry.due_at, id)),
        };
        self.by_age.insert((entry.state_since, id));
        while self.finished.len() > MAX_RECORDS
            && let Some(&oldest) = self.finished.first()
        {
            self.remove(oldest);
        }
    }

    fn remove(&mut self, id: EventId) {
        if let Some(entry) = self.events.remove(&id) {
            self.waiting.remove(&(entry.event.team_id, entry.due_at, id));
            self.by_age.remove(&(entry.state_since, id));
        }
        self.leased.remove(&id);
        self.finished.remove(&id);
    }

    /// Drops what would tell of a session.
    pub(super) fn forget_session(&mut self, session_key: &str) {
        let of_session = self.events.values().filter(|entry| entry.log.session_id.as_deref() == Some(session_key));
        for id in of_session.map(|entry| entry.event.id).collect::<Vec<_>>() {
            self.remove(id);
        }
    }

    /// Has events of a team that wait for a later attempt due at `now`, those that would wait longest.
    pub(super) fn hurry(&mut self, team_id: TeamId, now: Timestamp) {
        let last = EventId::from_uuid(uuid::Uuid::max());
        let later = (team_id, now, last)..=(team_id, Timestamp::from_millis(i64::MAX), last);
        let longest = self.waiting.range(later).rev().take(MAX_HURRIED as usize);
        for (_, _, id) in longest.copied().collect::<Vec<_>>() {
            self.change(id, |entry| entry.due_at = now);
        }
    }

    fn end_leases(&mut self, now: Timestamp) {
        let is_over =
            |id: &&EventId| self.events.get(id).and_then(|entry| entry.lease_until).is_none_or(|until| until <= now);
        for id in self.leased.iter().filter(is_over).copied().collect::<Vec<_>>() {
            self.change(id, |entry| entry.lease_until = None);
        }
    }

    fn leased(&self) -> LeasedEvents {
        let mut leased = LeasedEvents::default();
        for entry in self.leased.iter().filter_map(|id| self.events.get(id)) {
            leased.add(entry.event.team_id, entry.order_key.clone());
        }
        leased
    }

    /// The events of a team that are due, as far as it is looked at them.
    fn due(&self, team_id: TeamId, places: u32, now: Timestamp) -> impl Iterator<Item = DueEvent> {
        let first = (team_id, Timestamp::from_millis(i64::MIN), EventId::from_uuid(uuid::Uuid::nil()));
        let last = (team_id, now, EventId::from_uuid(uuid::Uuid::max()));
        let window = self.waiting.range(first..=last).take(places.saturating_mul(LOOK_AHEAD) as usize);
        window.map(move |&(team_id, due_at, id)| {
            let order_key = self.events.get(&id).and_then(|entry| entry.order_key.clone());
            DueEvent { id, team_id, order_key, due_at, places }
        })
    }

    fn redeliverable(&self, team: TeamId, which: Redelivery) -> Vec<EventId> {
        let of_team = self.events.values().filter(|entry| entry.event.team_id == team);
        let asked = of_team.filter(|entry| match which {
            Redelivery::One(id) => entry.event.id == id,
            Redelivery::Range { from, to, only_dead } => {
                let is_asked = match entry.log.state {
                    DeliveryState::Pending => false,
                    DeliveryState::Delivered => !only_dead,
                    DeliveryState::Dead => true,
                };
                is_asked && (from..=to).contains(&entry.log.created_at)
            }
        });
        let mut asked: Vec<_> = asked.map(Entry::place).collect();
        asked.sort_unstable();
        asked.into_iter().map(|(_, id)| id).take(MAX_REDELIVERED as usize).collect()
    }

    fn forget(&mut self, now: Timestamp, kept: Duration, limit: u32) -> u64 {
        let before = now.minus(kept);
        let old = self.by_age.iter().take_while(|(since, _)| *since < before).take(limit as usize);
        let old: Vec<_> = old.map(|&(_, id)| id).collect();
        for &id in &old {
            if self.finished.contains(&id) {
                self.remove(id);
            } else {
                self.change(id, |entry| entry.give_up(now));
            }
        }
        old.len() as u64
    }
}

impl State {
    fn claim(&mut self, claim: &EventClaim) -> Vec<ClaimedEvent> {
        self.outbox.end_leases(claim.now);
        let outbox = &self.outbox;
        let due = self
            .endpoints
            .by_team
            .values()
            .flat_map(|endpoint| outbox.due(endpoint.team_id, claim.places(endpoint), claim.now));
        let chosen = outbox.leased().choose(due.collect(), claim.limit);
        chosen.into_iter().filter_map(|id| self.lease(id, claim.lease_until)).collect()
    }

    fn lease(&mut self, id: EventId, until: Timestamp) -> Option<ClaimedEvent> {
        self.outbox.change(id, |entry| {
            entry.lease_until = Some(until);
            entry.fence += 1;
            entry.log.attempts += 1;
        });
        let entry = self.outbox.events.get(&id)?;
        Some(ClaimedEvent {
            event: entry.event.clone(),
            session_id: entry.log.session_id.clone(),
            attempt: entry.log.attempts,
            fence: entry.fence,
            endpoint: self.endpoints.by_team.get(&entry.event.team_id)?.clone(),
            created_at: entry.log.created_at,
        })
    }

    fn learn(&mut self, news: BTreeMap<(TeamId, Timestamp), EndpointNews>) {
        for ((team, version), news) in news {
            let Some(endpoint) =
                self.endpoints.by_team.get_mut(&team).filter(|endpoint| endpoint.updated_at == version)
            else {
                continue;
            };
            endpoint.failing_since = news.failing_since(endpoint.failing_since);
            if let Some((after, entry)) = news.disabled(endpoint) {
                self.write_endpoint(after, entry);
            }
        }
    }
}

#[async_trait]
impl OutboxStore for MemoryStore {
    async fn claim_events(&self, claim: &EventClaim) -> Result<Vec<ClaimedEvent>> {
        Ok(self.lock().claim(claim))
    }

    async fn settle_attempts(&self, attempts: &[Attempt]) -> Result<()> {
        let mut state = self.lock();
        for attempt in attempts {
            state.outbox.change(attempt.event_id, |entry| entry.settle(attempt));
        }
        state.learn(EndpointNews::of(attempts));
        Ok(())
    }

    async fn record_test(&self, event: &Event, attempt: &Attempt) -> Result<()> {
        let mut state = self.lock();
        let mut entry = Entry::new(event.clone(), attempt.at);
        (entry.log.attempts, entry.lease_until, entry.fence) = (1, Some(attempt.at), attempt.fence);
        entry.settle(attempt);
        state.outbox.insert(entry);
        state.learn(EndpointNews::of_test(attempt));
        Ok(())
    }

    async fn deliveries(&self, team: TeamId, page: DeliveryPage) -> Result<Vec<Delivery>> {
        let state = self.lock();
        let of_team = state.outbox.events.values().filter(|entry| entry.event.team_id == team);
        let is_wanted = |entry: &&Entry| {
            page.state.is_none_or(|state| entry.log.state == state)
                && page.before.is_none_or(|before| entry.place() < before)
        };
        let mut wanted: Vec<_> = of_team.filter(is_wanted).collect();
        wanted.sort_unstable_by_key(|entry| Reverse(entry.place()));
        Ok(wanted.into_iter().take(page.limit as usize).map(Entry::delivery).collect())
    }

    async fn delivery(&self, team: TeamId, id: EventId) -> Result<Option<(Delivery, Vec<DeliveryAttempt>)>> {
        let state = self.lock();
        let entry = state.outbox.events.get(&id).filter(|entry| entry.event.team_id == team);
        Ok(entry.map(|entry| (entry.delivery(), entry.attempts.clone())))
    }

    async fn redeliver(&self, team: TeamId, which: Redelivery, by: &ChangeContext) -> Result<u64> {
        let mut state = self.lock();
        let ids = state.outbox.redeliverable(team, which);
        for &id in &ids {
            state.outbox.change(id, |entry| entry.send_again(by.at));
        }
        let count = ids.len() as u64;
        if count > 0 {
            state.teams.note(AuditEntry::redelivered(team, which, count, by));
        }
        Ok(count)
    }

    async fn forget_events(&self, now: Timestamp, kept: Duration, limit: u32) -> Result<u64> {
        Ok(self.lock().outbox.forget(now, kept, limit))
    }
}
