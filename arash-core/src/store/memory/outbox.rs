use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::EventId;
use crate::store::MemoryStore;
use crate::turn::TurnCommit;
use crate::webhook::{OutboxEvent, OutboxStore};

/// Events that wait, by the moment they are due.
#[derive(Default)]
pub(super) struct Outbox {
    events: BTreeMap<(Timestamp, EventId), Waiting>,
}

struct Waiting {
    event: OutboxEvent,
    session_key: Option<String>,
}

impl Outbox {
    pub(super) fn add(&mut self, turn: &TurnCommit) {
        let due_at = turn.usage.created_at;
        for event in &turn.events {
            let waiting = OutboxEvent { event: event.clone(), turn_id: Some(turn.turn_id), due_at };
            let session_key = turn.usage.session_key.clone();
            self.events.insert((due_at, event.id), Waiting { event: waiting, session_key });
        }
    }

    /// Drops what would tell of a session.
    pub(super) fn forget_session(&mut self, session_key: &str) {
        self.events.retain(|_, waiting| waiting.session_key.as_deref() != Some(session_key));
    }
}

#[async_trait]
impl OutboxStore for MemoryStore {
    async fn due_events(&self, now: Timestamp, limit: u32) -> Result<Vec<OutboxEvent>> {
        let state = self.lock();
        let due = state.outbox.events.values().map(|waiting| &waiting.event).take_while(|event| event.due_at <= now);
        Ok(due.take(limit as usize).cloned().collect())
    }
}
