use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{EventId, TurnId};
use crate::store::MemoryStore;
use crate::store::memory::{MAX_RECORDS, State};
use crate::turn::{BeginOutcome, CommitOutcome, IdempotencyKey, StartedTurn, StoredTurn, TurnCommit, TurnStore};
use crate::webhook::{OutboxEvent, OutboxStore};

/// The turns that were committed, the newest of them.
#[derive(Default)]
pub(super) struct Turns {
    by_id: BTreeMap<TurnId, StoredTurn>,
    by_key: HashMap<IdempotencyKey, (TurnId, Timestamp)>,
}

/// Events that wait, by the moment they are due.
#[derive(Default)]
pub(super) struct Outbox {
    events: BTreeMap<(Timestamp, EventId), OutboxEvent>,
}

impl Turns {
    fn by_key(&self, key: &IdempotencyKey) -> Option<&StoredTurn> {
        self.by_key.get(key).and_then(|(id, _)| self.by_id.get(id))
    }

    /// The turn that this one repeats.
    fn earlier(&self, turn: &TurnCommit) -> Option<&StoredTurn> {
        let by_key = || turn.idempotency.as_ref().and_then(|(key, _)| self.by_key(key));
        self.by_id.get(&turn.turn_id).or_else(by_key)
    }

    fn add(&mut self, turn: &TurnCommit) {
        let mut stored = StoredTurn { turn_id: turn.turn_id, state: turn.state, request_digest: None, receipt: None };
        if let Some((key, digest)) = &turn.idempotency {
            stored.request_digest = Some(*digest);
            stored.receipt.clone_from(&turn.receipt);
            self.by_key.insert(key.clone(), (turn.turn_id, turn.usage.created_at));
        }
        self.by_id.insert(turn.turn_id, stored);
        while self.by_id.len() > MAX_RECORDS {
            self.by_id.pop_first();
        }
    }

    fn forget_receipts(&mut self, until: Timestamp) {
        let by_id = &mut self.by_id;
        self.by_key.retain(|_, (id, at)| {
            let is_kept = *at > until;
            if let Some(turn) = by_id.get_mut(id).filter(|_| !is_kept) {
                (turn.request_digest, turn.receipt) = (None, None);
            }
            is_kept
        });
    }
}

impl Outbox {
    fn add(&mut self, turn: &TurnCommit) {
        let due_at = turn.usage.created_at;
        for event in &turn.events {
            let waiting = OutboxEvent { event: event.clone(), turn_id: Some(turn.turn_id), due_at };
            self.events.insert((due_at, event.id), waiting);
        }
    }
}

impl State {
    fn commit(&mut self, turn: &TurnCommit) -> CommitOutcome {
        // A repeated turn finds its own session changed, so this comes before the question of versions.
        if let Some(earlier) = self.turns.earlier(turn) {
            return CommitOutcome::Duplicate(earlier.clone());
        }
        if turn.session.as_ref().is_some_and(|change| self.sessions.is_stale(change)) {
            return CommitOutcome::Stale;
        }
        if let Some(change) = &turn.session {
            self.sessions.apply(change);
        }
        for spend in &turn.quota {
            self.quota.spend(spend);
        }
        if let Some(key) = turn.touched_key {
            self.teams.touch(key, turn.usage.created_at);
        }
        self.turns.add(turn);
        self.usage.add(&turn.usage);
        self.outbox.add(turn);
        CommitOutcome::Committed
    }
}

#[async_trait]
impl TurnStore for MemoryStore {
    async fn begin(&self, _turns: &[StartedTurn]) -> Result<Vec<BeginOutcome>> {
        Err(crate::error::Error::internal("begin"))
    }

    async fn renew_turns(&self, _turns: &[StartedTurn]) -> Result<()> {
        Err(crate::error::Error::internal("renew_turns"))
    }

    async fn lost_turns(&self, _now: Timestamp, _limit: u32) -> Result<Vec<StartedTurn>> {
        Ok(Vec::new())
    }

    async fn purge_turns(&self, _until: Timestamp) -> Result<()> {
        Ok(())
    }

    async fn commit(&self, turns: &[TurnCommit]) -> Result<Vec<CommitOutcome>> {
        let mut state = self.lock();
        Ok(turns.iter().map(|turn| state.commit(turn)).collect())
    }

    async fn find_turn(&self, key: &IdempotencyKey) -> Result<Option<StoredTurn>> {
        Ok(self.lock().turns.by_key(key).cloned())
    }

    async fn forget_receipts(&self, until: Timestamp) -> Result<()> {
        self.lock().turns.forget_receipts(until);
        Ok(())
    }
}

#[async_trait]
impl OutboxStore for MemoryStore {
    async fn due_events(&self, now: Timestamp, limit: u32) -> Result<Vec<OutboxEvent>> {
        let state = self.lock();
        let due = state.outbox.events.values().take_while(|event| event.due_at <= now);
        Ok(due.take(limit as usize).cloned().collect())
    }
}
