use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{NodeId, SessionId};
use crate::session::{Claim, ClaimRequest, SessionKey, SharedSessions};
use crate::store::MemoryStore;
use crate::store::memory::sessions::{Entry, Sessions};

/// Who holds a session, and until when.
pub(super) struct Claimed {
    node: NodeId,
    pub(super) until: Timestamp,
    fence: i64,
}

impl Sessions {
    fn claim(&mut self, key: &SessionKey, user_id: &str, request: ClaimRequest) -> Claim {
        let ClaimRequest { node, now, until } = request;
        let entry = self.entries.entry(key.clone()).or_insert_with(|| Entry::claimed(key, user_id, now));
        let held = self.claims.get(&entry.session.id);
        if held.is_some_and(|held| held.node != node && held.until > now) {
            return Claim::Busy;
        }
        if entry.session.version > 0 && !entry.is_open(now) {
            // It has expired: opened anew, under a counter that goes on.
            self.claims.remove(&entry.session.id);
            let fence = entry.session.fence;
            *entry = Entry::claimed(key, user_id, now);
            entry.session.fence = fence;
        }
        entry.session.fence += 1;
        let (session, fence, version) = (entry.session.id, entry.session.fence, entry.session.version);
        self.claims.insert(session, Claimed { node, until, fence });
        Claim::Held { session, fence, version }
    }

    /// The claim that is held under this counter.
    fn held(&mut self, session: SessionId, fence: i64) -> Option<&mut Claimed> {
        self.claims.get_mut(&session).filter(|held| held.fence == fence)
    }
}

#[async_trait]
impl SharedSessions for MemoryStore {
    async fn claim(&self, key: &SessionKey, user_id: &str, claim: ClaimRequest) -> Result<Claim> {
        Ok(self.lock().sessions.claim(key, user_id, claim))
    }

    async fn renew_claims(&self, claims: &[(SessionId, i64)], until: Timestamp) -> Result<()> {
        let sessions = &mut self.lock().sessions;
        for &(session, fence) in claims {
            if let Some(held) = sessions.held(session, fence) {
                held.until = until;
            }
        }
        Ok(())
    }

    async fn release(&self, session: SessionId, fence: i64) -> Result<()> {
        let sessions = &mut self.lock().sessions;
        if sessions.held(session, fence).is_some() {
            sessions.claims.remove(&session);
        }
        Ok(())
    }
}
