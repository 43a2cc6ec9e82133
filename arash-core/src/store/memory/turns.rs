use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::TurnId;
use crate::store::MemoryStore;
use crate::store::memory::{MAX_RECORDS, State};
use crate::turn::{
    BeginOutcome, CommitOutcome, IdempotencyKey, StartedTurn, StoredTurn, TurnCommit, TurnState, TurnStore,
};

/// The turns that have begun, and the newest of those that have ended.
#[derive(Default)]
pub(super) struct Turns {
    by_id: BTreeMap<TurnId, Turn>,
    /// Which turn holds an idempotency key.
    by_key: HashMap<IdempotencyKey, TurnId>,
    /// Those that have not ended.
    started: HashMap<TurnId, StartedTurn>,
}

struct Turn {
    stored: StoredTurn,
    /// The idempotency key that it holds.
    key: Option<IdempotencyKey>,
    session_key: Option<String>,
    /// When it ended, if it has.
    at: Timestamp,
}

impl Turn {
    fn has_ended(&self) -> bool {
        self.stored.state != TurnState::Started
    }
}

impl Turns {
    fn by_key(&self, key: &IdempotencyKey) -> Option<&Turn> {
        self.by_key.get(key).and_then(|id| self.by_id.get(id))
    }

    /// The turn with this id, else the one that holds this key.
    fn known<T>(&self, id: TurnId, idempotency: Option<&(IdempotencyKey, T)>) -> Option<&Turn> {
        self.by_id.get(&id).or_else(|| idempotency.and_then(|(key, _)| self.by_key(key)))
    }

    fn begin(&mut self, turn: &StartedTurn) -> BeginOutcome {
        if let Some(known) = self.known(turn.turn_id, turn.idempotency.as_ref()) {
            return BeginOutcome::Duplicate(known.stored.clone());
        }
        let stored = StoredTurn {
            turn_id: turn.turn_id,
            state: TurnState::Started,
            request_digest: turn.idempotency.as_ref().map(|(_, digest)| *digest),
            receipt: None,
        };
        let key = turn.idempotency.as_ref().map(|(key, _)| key.clone());
        self.insert(Turn { stored, key, session_key: turn.usage.session_key.clone(), at: turn.usage.created_at });
        self.started.insert(turn.turn_id, turn.clone());
        BeginOutcome::Begun
    }

    fn renew(&mut self, turn: &StartedTurn) {
        if let Some(started) = self.started.get_mut(&turn.turn_id) {
            started.usage.clone_from(&turn.usage);
            started.lease_until = turn.lease_until;
        }
    }

    /// Why a turn cannot be ended by this commit: it is repeated, or somebody else has ended it.
    fn earlier(&self, turn: &TurnCommit) -> Option<StoredTurn> {
        if !turn.is_begun {
            return self.known(turn.turn_id, turn.idempotency.as_ref()).map(|known| known.stored.clone());
        }
        match self.by_id.get(&turn.turn_id) {
            Some(known) => known.has_ended().then(|| known.stored.clone()),
            // It was taken for lost, and has been purged since.
            None => Some(StoredTurn {
                turn_id: turn.turn_id,
                state: TurnState::Interrupted,
                request_digest: None,
                receipt: None,
            }),
        }
    }

    fn end(&mut self, turn: &TurnCommit) {
        self.started.remove(&turn.turn_id);
        let begun = self.remove(turn.turn_id).and_then(|begun| begun.key.zip(begun.stored.request_digest));
        let kept = turn.receipt.clone().zip(turn.idempotency.clone().or(begun));
        let stored = StoredTurn {
            turn_id: turn.turn_id,
            state: turn.state,
            request_digest: kept.as_ref().map(|(_, (_, digest))| *digest),
            receipt: kept.as_ref().map(|(receipt, _)| receipt.clone()),
        };
        let key = kept.map(|(_, (key, _))| key);
        self.insert(Turn { stored, key, session_key: turn.usage.session_key.clone(), at: turn.usage.created_at });
        while self.by_id.len() > MAX_RECORDS.saturating_add(self.started.len()) {
            let oldest = self.by_id.iter().find(|(_, turn)| turn.has_ended()).map(|(&id, _)| id);
            oldest.map(|id| self.remove(id));
        }
    }

    fn insert(&mut self, turn: Turn) {
        if let Some(key) = &turn.key {
            self.by_key.insert(key.clone(), turn.stored.turn_id);
        }
        self.by_id.insert(turn.stored.turn_id, turn);
    }

    fn remove(&mut self, id: TurnId) -> Option<Turn> {
        let turn = self.by_id.remove(&id)?;
        if let Some(key) = &turn.key {
            self.by_key.remove(key);
        }
        Some(turn)
    }

    /// Takes the kept replies, and with them the keys, from the ended turns that `is_over` names.
    fn forget(&mut self, is_over: impl Fn(&Turn) -> bool) {
        for turn in self.by_id.values_mut().filter(|turn| turn.has_ended() && turn.key.is_some()) {
            if is_over(turn) {
                (turn.stored.request_digest, turn.stored.receipt) = (None, None);
                turn.key.take().map(|key| self.by_key.remove(&key));
            }
        }
    }

    /// Takes what was said in a session out of its turns.
    pub(super) fn forget_session(&mut self, session_key: &str) {
        self.forget(|turn| turn.session_key.as_deref() == Some(session_key));
    }

    fn purge(&mut self, until: Timestamp) {
        let over = self.by_id.values().filter(|turn| turn.has_ended() && turn.at < until);
        for id in over.map(|turn| turn.stored.turn_id).collect::<Vec<_>>() {
            self.remove(id);
        }
    }
}

impl State {
    fn commit(&mut self, turn: &TurnCommit) -> CommitOutcome {
        // A repeated turn finds its own session changed, so this comes before the question of versions.
        if let Some(earlier) = self.turns.earlier(turn) {
            return CommitOutcome::Duplicate(earlier);
        }
        if turn.session.as_ref().is_some_and(|change| self.sessions.is_stale(change)) {
            return CommitOutcome::Stale;
        }
        if let Some(change) = &turn.session {
            self.sessions.apply(turn.turn_id, change);
        }
        for spend in &turn.quota {
            self.quota.spend(spend);
        }
        if let Some(key) = turn.touched_key {
            self.teams.touch(key, turn.usage.created_at);
        }
        self.turns.end(turn);
        self.usage.add(&turn.usage);
        self.outbox.add(turn);
        CommitOutcome::Committed
    }
}

#[async_trait]
impl TurnStore for MemoryStore {
    async fn begin(&self, turns: &[StartedTurn]) -> Result<Vec<BeginOutcome>> {
        let mut state = self.lock();
        Ok(turns.iter().map(|turn| state.turns.begin(turn)).collect())
    }

    async fn renew_turns(&self, turns: &[StartedTurn]) -> Result<()> {
        let mut state = self.lock();
        for turn in turns {
            state.turns.renew(turn);
        }
        Ok(())
    }

    async fn lost_turns(&self, now: Timestamp, limit: u32) -> Result<Vec<StartedTurn>> {
        let state = self.lock();
        let lost = state.turns.started.values().filter(|turn| turn.lease_until <= now);
        Ok(lost.take(limit as usize).cloned().collect())
    }

    async fn commit(&self, turns: &[TurnCommit]) -> Result<Vec<CommitOutcome>> {
        let mut state = self.lock();
        Ok(turns.iter().map(|turn| state.commit(turn)).collect())
    }

    async fn find_turn(&self, key: &IdempotencyKey) -> Result<Option<StoredTurn>> {
        Ok(self.lock().turns.by_key(key).map(|turn| turn.stored.clone()))
    }

    async fn forget_receipts(&self, until: Timestamp) -> Result<()> {
        let mut state = self.lock();
        state.turns.forget(|turn| turn.at <= until);
        state.teams.forget_receipts(until);
        Ok(())
    }

    async fn purge_turns(&self, until: Timestamp) -> Result<()> {
        let mut state = self.lock();
        state.turns.purge(until);
        state.usage.purge(until);
        Ok(())
    }
}
