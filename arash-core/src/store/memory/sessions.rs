use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::message::Message;
use crate::session::{
    History, Session, SessionCounts, SessionFilter, SessionKey, SessionPage, SessionStore, SessionSummary,
};
use crate::store::MemoryStore;
use crate::turn::SessionChange;

/// Sessions by name. One that has expired stays until it is purged or a new one takes its name.
#[derive(Default)]
pub(super) struct Sessions {
    entries: HashMap<SessionKey, Entry>,
}

struct Entry {
    /// All but the history.
    session: Session,
    /// What was said, by sequence number.
    messages: BTreeMap<i64, Arc<Message>>,
}

impl Entry {
    fn is_open(&self, now: Timestamp) -> bool {
        self.session.expires_at > now
    }

    fn is_in(&self, filter: &SessionFilter) -> bool {
        filter.team.is_none_or(|team| self.session.team_id == Some(team))
            && filter.platform.as_ref().is_none_or(|platform| self.session.key.platform() == platform)
    }

    fn load(&self, window: usize) -> Session {
        let mut history = History::default();
        let skipped = self.messages.len().saturating_sub(window);
        for message in self.messages.values().skip(skipped) {
            history.push(Arc::clone(message), window);
        }
        Session { history, ..self.session.clone() }
    }

    fn summary(&self) -> SessionSummary {
        let session = &self.session;
        SessionSummary {
            id: session.id,
            key: session.key.clone(),
            team_id: session.team_id,
            user_id: session.user_id.clone(),
            model: session.model.clone(),
            message_count: session.message_count,
            stored_messages: session.stored_messages,
            created_at: session.created_at,
            last_activity_at: session.last_activity_at,
        }
    }
}

impl Sessions {
    /// Whether the session has another version than the turn worked with.
    pub(super) fn is_stale(&self, change: &SessionChange) -> bool {
        match self.entries.get(&change.key) {
            Some(entry) if change.expected_version == 0 => entry.is_open(change.last_activity_at),
            Some(entry) => entry.session.id != change.id || entry.session.version != change.expected_version,
            None => change.expected_version != 0,
        }
    }

    /// Writes a change that is not stale.
    pub(super) fn apply(&mut self, change: &SessionChange) {
        if change.expected_version == 0 {
            // What is still there under this name has expired: it goes with all that was said in it.
            let opened = Entry { session: opened(change), messages: BTreeMap::new() };
            self.entries.insert(change.key.clone(), opened);
        }
        let Some(Entry { session, messages }) = self.entries.get_mut(&change.key) else { return };
        if change.clears {
            messages.clear();
        }
        messages.extend(change.numbered_messages().map(|(seq, message)| (seq, Arc::clone(message))));
        session.version = change.new_version();
        session.model.clone_from(&change.model);
        session.message_count = change.message_count;
        session.stored_messages = change.stored_messages;
        session.last_activity_at = change.last_activity_at;
        session.expires_at = change.expires_at;
    }

    fn open<'a>(&'a self, filter: &'a SessionFilter, now: Timestamp) -> impl Iterator<Item = &'a Entry> {
        self.entries.values().filter(move |entry| entry.is_open(now) && entry.is_in(filter))
    }
}

fn opened(change: &SessionChange) -> Session {
    Session {
        id: change.id,
        key: change.key.clone(),
        team_id: change.team_id,
        user_id: change.user_id.clone(),
        model: None,
        version: 0,
        fence: 0,
        message_count: 0,
        stored_messages: 0,
        created_at: change.last_activity_at,
        last_activity_at: change.last_activity_at,
        expires_at: change.expires_at,
        history: History::default(),
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn load(&self, key: &SessionKey, window: usize, now: Timestamp) -> Result<Option<Session>> {
        let state = self.lock();
        let entry = state.sessions.entries.get(key).filter(|entry| entry.is_open(now));
        Ok(entry.map(|entry| entry.load(window)))
    }

    async fn sessions(&self, filter: &SessionFilter, page: SessionPage, now: Timestamp) -> Result<Vec<SessionSummary>> {
        let state = self.lock();
        let place = |entry: &Entry| (entry.session.last_activity_at, entry.session.id);
        let is_later = |entry: &&Entry| page.before.is_none_or(|before| place(entry) < before);
        let mut later: Vec<_> = state.sessions.open(filter, now).filter(is_later).collect();
        later.sort_unstable_by_key(|entry| Reverse(place(entry)));
        Ok(later.into_iter().take(page.limit as usize).map(Entry::summary).collect())
    }

    async fn count_sessions(
        &self,
        filter: &SessionFilter,
        active_since: Timestamp,
        now: Timestamp,
    ) -> Result<SessionCounts> {
        let state = self.lock();
        let mut counts = SessionCounts::default();
        for Entry { session, .. } in state.sessions.open(filter, now) {
            counts.total += 1;
            counts.active += u64::from(session.last_activity_at >= active_since);
            *counts.by_platform.entry(session.key.platform().to_owned()).or_default() += 1;
        }
        Ok(counts)
    }

    async fn delete_session(&self, key: &SessionKey, now: Timestamp) -> Result<bool> {
        let deleted = self.lock().sessions.entries.remove(key);
        Ok(deleted.is_some_and(|entry| entry.is_open(now)))
    }

    async fn purge_expired(&self, now: Timestamp, limit: u32) -> Result<u64> {
        let entries = &mut self.lock().sessions.entries;
        let expired = entries.extract_if(|_, entry| !entry.is_open(now)).take(limit as usize);
        Ok(expired.count() as u64)
    }
}
