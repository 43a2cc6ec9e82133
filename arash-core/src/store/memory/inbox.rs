use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{BotId, UpdateId};
use crate::inbox::{ForgottenUpdates, InboxStore, InboxUpdate, NewUpdate, UpdateLease};
use crate::store::MemoryStore;

/// The updates of all bots.
#[derive(Default)]
pub(super) struct Inbox {
    /// Those that wait.
    waiting: BTreeMap<(BotId, UpdateId), Waiting>,
    /// When each was received, also of those that are done.
    received: BTreeMap<(BotId, UpdateId), Timestamp>,
    by_time: BTreeSet<(Timestamp, BotId, UpdateId)>,
}

struct Waiting {
    payload: Arc<str>,
    progress: Option<String>,
    attempts: u32,
    lease_until: Option<Timestamp>,
}

impl Inbox {
    /// Whether it is new.
    fn receive(&mut self, bot: BotId, update: &NewUpdate, lease: UpdateLease) -> bool {
        let place = (bot, update.id);
        if self.received.contains_key(&place) {
            return false;
        }
        let payload = Arc::clone(&update.payload);
        let waiting = Waiting { payload, progress: None, attempts: 1, lease_until: Some(lease.until) };
        self.waiting.insert(place, waiting);
        self.received.insert(place, lease.now);
        self.by_time.insert((lease.now, bot, update.id))
    }

    /// The updates of a bot that wait, in order of their numbers.
    fn of(&mut self, bot: BotId) -> impl Iterator<Item = (UpdateId, &mut Waiting)> {
        let all = (bot, UpdateId(i64::MIN))..=(bot, UpdateId(i64::MAX));
        self.waiting.range_mut(all).map(|(&(_, id), waiting)| (id, waiting))
    }

    fn claim(&mut self, bot: BotId, lease: UpdateLease, limit: u32) -> Vec<InboxUpdate> {
        let free = self.of(bot).filter(|(_, waiting)| waiting.lease_until.is_none_or(|until| until <= lease.now));
        let claimed = free.take(limit as usize).map(|(id, waiting)| {
            waiting.lease_until = Some(lease.until);
            waiting.attempts = waiting.attempts.saturating_add(1);
            let (payload, progress) = (waiting.payload.to_string(), waiting.progress.clone());
            InboxUpdate { id, payload, progress, attempts: waiting.attempts }
        });
        claimed.collect()
    }

    fn forget(&mut self, before: Timestamp, limit: u32) -> ForgottenUpdates {
        let mut forgotten = ForgottenUpdates::default();
        for _ in 0..limit {
            let Some(&(at, bot, id)) = self.by_time.first().filter(|&&(at, ..)| at < before) else { break };
            self.by_time.remove(&(at, bot, id));
            self.received.remove(&(bot, id));
            let was_waiting = self.waiting.remove(&(bot, id)).is_some();
            *if was_waiting { &mut forgotten.waiting } else { &mut forgotten.done } += 1;
        }
        forgotten
    }
}

#[async_trait]
impl InboxStore for MemoryStore {
    async fn receive_updates(&self, bot: BotId, updates: &[NewUpdate], lease: UpdateLease) -> Result<Vec<UpdateId>> {
        let inbox = &mut self.lock().inbox;
        let new = updates.iter().filter(|update| inbox.receive(bot, update, lease));
        let mut received: Vec<_> = new.map(|update| update.id).collect();
        received.sort_unstable();
        Ok(received)
    }

    async fn claim_updates(&self, bot: BotId, lease: UpdateLease, limit: u32) -> Result<Vec<InboxUpdate>> {
        Ok(self.lock().inbox.claim(bot, lease, limit))
    }

    async fn renew_updates(&self, bot: BotId, ids: &[UpdateId], until: Timestamp) -> Result<()> {
        let waiting = &mut self.lock().inbox.waiting;
        for &id in ids {
            if let Some(held) = waiting.get_mut(&(bot, id)).and_then(|waiting| waiting.lease_until.as_mut()) {
                *held = until;
            }
        }
        Ok(())
    }

    async fn note_progress(&self, bot: BotId, id: UpdateId, progress: &str) -> Result<()> {
        if let Some(waiting) = self.lock().inbox.waiting.get_mut(&(bot, id)) {
            waiting.progress = Some(progress.to_owned());
        }
        Ok(())
    }

    async fn release_updates(&self, bot: BotId, ids: &[UpdateId]) -> Result<()> {
        let waiting = &mut self.lock().inbox.waiting;
        for &id in ids {
            if let Some(waiting) = waiting.get_mut(&(bot, id)) {
                waiting.lease_until = None;
            }
        }
        Ok(())
    }

    async fn finish_updates(&self, bot: BotId, ids: &[UpdateId]) -> Result<()> {
        let waiting = &mut self.lock().inbox.waiting;
        for &id in ids {
            waiting.remove(&(bot, id));
        }
        Ok(())
    }

    async fn waiting_updates(&self, bot: BotId) -> Result<u64> {
        Ok(self.lock().inbox.of(bot).count() as u64)
    }

    async fn forget_updates(&self, before: Timestamp, limit: u32) -> Result<ForgottenUpdates> {
        Ok(self.lock().inbox.forget(before, limit))
    }
}
