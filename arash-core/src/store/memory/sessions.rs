use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{SessionId, TeamId, TurnId};
use crate::message::Message;
use crate::session::{
    History, MessagePage, Session, SessionCounts, SessionFilter, SessionGroup, SessionKey, SessionPage, SessionStore,
    SessionSummary, SharedSessions, StoredMessage,
};
use crate::store::MemoryStore;
use crate::store::memory::claims::Claimed;
use crate::turn::SessionChange;

/// Sessions by name. One that has expired stays until it is purged or a new one takes its name.
#[derive(Default)]
pub(super) struct Sessions {
    pub(super) entries: HashMap<SessionKey, Entry>,
    pub(super) claims: HashMap<SessionId, Claimed>,
}

pub(super) struct Entry {
    /// All but the history.
    pub(super) session: Session,
    /// What was said and in which turn, by sequence number.
    messages: BTreeMap<i64, (TurnId, Arc<Message>)>,
}

impl Entry {
    /// A session that a node works with and that has no turn yet: nobody sees it until one is committed.
    pub(super) fn claimed(key: &SessionKey, user_id: &str, now: Timestamp) -> Self {
        let team_id = key.team().filter(|&team| team != TeamId::HOST);
        let session = Session {
            id: SessionId::new(),
            key: key.clone(),
            team_id,
            user_id: user_id.to_owned(),
            model: None,
            version: 0,
            fence: 0,
            message_count: 0,
            stored_messages: 0,
            created_at: now,
            last_activity_at: now,
            expires_at: now,
            history: History::default(),
        };
        Self { session, messages: BTreeMap::new() }
    }

    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        self.session.version > 0 && self.session.expires_at > now
    }

    fn is_in(&self, filter: &SessionFilter) -> bool {
        filter.team.is_none_or(|team| self.session.team_id == Some(team))
            && filter.platform.as_ref().is_none_or(|platform| self.session.key.platform() == platform)
    }

    fn load(&self, window: usize) -> Session {
        let mut history = History::default();
        let skipped = self.messages.len().saturating_sub(window);
        for (_, message) in self.messages.values().skip(skipped) {
            history.push(Arc::clone(message), window);
        }
        Session { history, ..self.session.clone() }
    }

    fn page(&self, page: MessagePage) -> Vec<StoredMessage> {
        let end = page.before.map_or(Bound::Unbounded, Bound::Excluded);
        let newest_first = self.messages.range((Bound::Unbounded, end)).rev().take(page.limit as usize);
        newest_first
            .map(|(&seq, (turn_id, message))| StoredMessage { seq, turn_id: *turn_id, message: Arc::clone(message) })
            .collect()
    }
}

impl Sessions {
    /// Whether the session has another version than the turn worked with, or was claimed since.
    pub(super) fn is_stale(&self, change: &SessionChange) -> bool {
        let Some(Entry { session, .. }) = self.entries.get(&change.key) else {
            return change.expected_version != 0 || change.fence != 0;
        };
        if change.expected_version == 0 && change.fence == 0 {
            return session.fence != 0 || session.expires_at > change.last_activity_at;
        }
        session.id != change.id || session.version != change.expected_version || session.fence != change.fence
    }

    /// Writes what a turn changes if that is not stale, and ends the claim under which it was made.
    pub(super) fn apply(&mut self, turn_id: TurnId, change: &SessionChange) {
        if change.expected_version == 0 {
            // What is still there under this name has expired, or is a claim: it goes with all that was said in it.
            let opened = Entry { session: opened(change), messages: BTreeMap::new() };
            self.entries.insert(change.key.clone(), opened);
        }
        self.claims.remove(&change.id);
        let Some(Entry { session, messages }) = self.entries.get_mut(&change.key) else { return };
        if change.clears {
            messages.clear();
        }
        messages.extend(change.numbered_messages().map(|(seq, message)| (seq, (turn_id, Arc::clone(message)))));
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
        fence: change.fence,
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
    fn shared(&self) -> Option<&dyn SharedSessions> {
        self.is_shared.then_some(self)
    }

    async fn load(&self, key: &SessionKey, window: usize, now: Timestamp) -> Result<Option<Session>> {
        let state = self.lock();
        let entry = state.sessions.entries.get(key).filter(|entry| entry.is_open(now));
        Ok(entry.map(|entry| entry.load(window)))
    }

    async fn messages(
        &self,
        key: &SessionKey,
        page: MessagePage,
        now: Timestamp,
    ) -> Result<Option<Vec<StoredMessage>>> {
        let state = self.lock();
        let entry = state.sessions.entries.get(key).filter(|entry| entry.is_open(now));
        Ok(entry.map(|entry| entry.page(page)))
    }

    async fn sessions(&self, filter: &SessionFilter, page: SessionPage, now: Timestamp) -> Result<Vec<SessionSummary>> {
        let state = self.lock();
        let place = |entry: &Entry| (entry.session.last_activity_at, entry.session.id);
        let is_later = |entry: &&Entry| page.before.is_none_or(|before| place(entry) < before);
        let mut later: Vec<_> = state.sessions.open(filter, now).filter(is_later).collect();
        later.sort_unstable_by_key(|entry| Reverse(place(entry)));
        Ok(later.into_iter().take(page.limit as usize).map(|entry| entry.session.summary()).collect())
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

    async fn session_groups(&self, active_since: Timestamp, now: Timestamp) -> Result<Vec<SessionGroup>> {
        let state = self.lock();
        let (everything, mut groups) = (SessionFilter::default(), HashMap::<_, SessionGroup>::new());
        for Entry { session, .. } in state.sessions.open(&everything, now) {
            let (platform, team, model) = (session.key.platform(), session.team_id, session.model.as_ref());
            let group = groups.entry((platform, team, model)).or_insert_with(|| SessionGroup {
                platform: platform.to_owned(),
                team,
                model: model.cloned(),
                sessions: 0,
                messages: 0,
                active: 0,
            });
            group.sessions += 1;
            group.messages = group.messages.saturating_add(session.message_count);
            group.active += u64::from(session.last_activity_at >= active_since);
        }
        Ok(groups.into_values().collect())
    }

    async fn delete_session(&self, key: &SessionKey, now: Timestamp) -> Result<bool> {
        let mut state = self.lock();
        state.turns.forget_session(key.as_str());
        state.outbox.forget_session(key.as_str());
        let Some(deleted) = state.sessions.entries.remove(key) else { return Ok(false) };
        state.sessions.claims.remove(&deleted.session.id);
        Ok(deleted.is_open(now))
    }

    async fn purge_expired(&self, now: Timestamp, limit: u32) -> Result<u64> {
        let Sessions { entries, claims } = &mut self.lock().sessions;
        claims.retain(|_, claim| claim.until > now);
        let is_over = |entry: &Entry| !entry.is_open(now) && !claims.contains_key(&entry.session.id);
        let expired = entries.extract_if(|_, entry| is_over(entry)).take(limit as usize);
        Ok(expired.count() as u64)
    }
}
