use hashlink::LruCache;

use crate::session::{Session, SessionKey};

/// What an entry costs beside its session: the key, its place in the map and in the order of use.
const ENTRY_OVERHEAD: usize = 96;

/// Sessions that nobody works with right now, the least recently used of which make room for others.
pub(super) struct IdleSessions {
    sessions: LruCache<SessionKey, Box<Session>>,
    bytes: usize,
    max_bytes: usize,
}

impl IdleSessions {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { sessions: LruCache::new_unbounded(), bytes: 0, max_bytes }
    }

    pub(super) fn take(&mut self, key: &SessionKey) -> Option<Box<Session>> {
        let session = self.sessions.remove(key)?;
        self.bytes -= weight(&session);
        Some(session)
    }

    pub(super) fn put(&mut self, key: SessionKey, session: Box<Session>) {
        // One that is too large would drive out all others and then itself.
        if weight(&session) > self.max_bytes {
            return;
        }
        self.bytes += weight(&session);
        if let Some(older) = self.sessions.insert(key, session) {
            self.bytes -= weight(&older);
        }
        while self.bytes > self.max_bytes
            && let Some((_, oldest)) = self.sessions.remove_lru()
        {
            self.bytes -= weight(&oldest);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

fn weight(session: &Session) -> usize {
    session.bytes() + ENTRY_OVERHEAD
}
