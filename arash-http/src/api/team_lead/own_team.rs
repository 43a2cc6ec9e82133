use arash_core::Engine;
use arash_core::id::AuditId;
use poem_openapi::OpenApi;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;

use crate::api::Group;
use crate::api::audit::AuditList;
use crate::api::team::TeamView;
use crate::auth::Lead;
use crate::cursor::Cursor;
use crate::page::PageLimit;
use crate::refusal::{Refusal, statuses};

statuses! {
    /// What takes no parameters.
    TeamRefused = [401, 403, 404, 500, 503];
    /// A list.
    ListRefused = [401, 403, 422, 500, 503];
}

/// Shows the own team.
#[derive(Debug)]
pub(crate) struct OwnTeam {
    engine: Engine,
}

impl OwnTeam {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

#[OpenApi(prefix_path = "/api/v1", tag = "Group::Team")]
impl OwnTeam {
    /// Show the own team
    #[oai(path = "/team", method = "get", operation_id = "get_own_team")]
    async fn show(&self, lead: Lead) -> Result<Json<TeamView>, Refusal<TeamRefused>> {
        Ok(Json(self.engine.teams().get(lead.0.team_id()).await?.into()))
    }

    /// List the own team's audit log
    ///
    /// Who did what to whom, newest first. An entry is written together with its change and never altered.
    #[oai(path = "/team/audit", method = "get", operation_id = "list_team_audit_log")]
    async fn audit(
        &self,
        lead: Lead,
        /// Most entries, 1 to 200.
        #[oai(default)]
        limit: Query<PageLimit>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<Cursor<AuditId>>>,
    ) -> Result<Json<AuditList>, Refusal<ListRefused>> {
        Ok(Json(AuditList::read(&self.engine, Some(lead.0.team_id()), *limit, *cursor).await?))
    }
}
