use std::sync::Arc;

use crate::error::Result;
use crate::id::TeamId;
use crate::team::{AuditEntry, AuditPage, TeamStore};

/// Tells who changed what.
#[derive(Clone, Debug)]
pub struct AuditLog {
    store: Arc<dyn TeamStore>,
}

impl AuditLog {
    /// The audit log of `store`.
    pub fn new(store: Arc<dyn TeamStore>) -> Self {
        Self { store }
    }

    /// Entries of one team or of all, newest first.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when storage cannot be reached.
    pub async fn list(&self, team: Option<TeamId>, page: AuditPage) -> Result<Vec<AuditEntry>> {
        self.store.audit_log(team, page).await
    }
}
