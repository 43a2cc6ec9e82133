use arash_core::Engine;
use arash_core::id::{AuditId, TeamId};
use poem_openapi::OpenApi;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;

use crate::api::Group;
use crate::api::audit::AuditList;
use crate::auth::Admin;
use crate::cursor::Cursor;
use crate::id::Id;
use crate::page::PageLimit;
use crate::refusal::{Refusal, statuses};

statuses! {
    /// A list.
    ListRefused = [401, 403, 422, 500, 503];
}

/// Tells who changed what.
#[derive(Debug)]
pub(crate) struct AdminAudit {
    engine: Engine,
}

impl AdminAudit {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

#[OpenApi(prefix_path = "/api/v1/admin", tag = "Group::Administration")]
impl AdminAudit {
    /// List the audit log
    ///
    /// Who did what to whom, newest first. An entry is written together with its change and never altered.
    #[oai(path = "/audit", method = "get", operation_id = "list_audit_log")]
    async fn list(
        &self,
        _admin: Admin,
        /// Only what concerns this team.
        team_id: Query<Option<Id>>,
        /// Most entries, 1 to 200.
        #[oai(default)]
        limit: Query<PageLimit>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<Cursor<AuditId>>>,
    ) -> Result<Json<AuditList>, Refusal<ListRefused>> {
        Ok(Json(AuditList::read(&self.engine, team_id.map(TeamId::from), *limit, *cursor).await?))
    }
}
