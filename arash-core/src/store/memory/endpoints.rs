use async_trait::async_trait;

use crate::error::Result;
use crate::id::TeamId;
use crate::store::MemoryStore;
use crate::store::memory::State;
use crate::team::{AuditEntry, ChangeContext, no_such_team};
use crate::webhook::{Endpoint, EndpointChange, EndpointStore};

impl State {
    /// Writes an endpoint that became another, and what follows from it.
    pub(super) fn write_endpoint(&mut self, endpoint: Endpoint, entry: AuditEntry) {
        self.teams.tell(&endpoint);
        self.teams.note(entry);
        self.endpoints.insert(endpoint.team_id, endpoint);
    }
}

#[async_trait]
impl EndpointStore for MemoryStore {
    async fn endpoint(&self, team: TeamId) -> Result<Option<Endpoint>> {
        Ok(self.lock().endpoints.get(&team).cloned())
    }

    async fn put_endpoint(&self, change: EndpointChange, by: &ChangeContext) -> Result<Endpoint> {
        let mut state = self.lock();
        if !state.teams.has(change.team_id) {
            return Err(no_such_team(change.team_id));
        }
        let before = state.endpoints.get(&change.team_id).cloned();
        if let Some((after, entry)) = change.on(before.as_ref(), by)? {
            state.write_endpoint(after.clone(), entry);
            return Ok(after);
        }
        before.ok_or_else(|| no_such_team(change.team_id))
    }
}
