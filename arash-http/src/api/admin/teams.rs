use arash_core::Engine;
use arash_core::platform::ModelId;
use arash_core::team::{PageAfter, Team, TeamSpec};
use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};

use crate::api::Group;
use crate::auth::Admin;
use crate::body::{Body, JsonBody};
use crate::cursor;
use crate::page::PageLimit;
use crate::refusal::{Refusal, statuses};
use crate::time::Time;

statuses! {
    /// A list.
    ListRefused = [401, 403, 422, 500, 503];
    /// A creation whose name may be taken.
    CreationRefused = [400, 401, 403, 409, 413, 415, 422, 500, 503];
}

/// A team to be made. Unknown fields are refused.
#[derive(Debug, Object)]
struct TeamInput {
    /// Its name, unique.
    #[oai(validator(min_length = 1, max_length = 255))]
    name: String,
    /// What it is for.
    #[oai(nullable, validator(max_length = 2000))]
    description: Option<String>,
    /// Requests in 30 days; null is unlimited, 0 lets nothing through.
    #[oai(nullable, validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    monthly_quota: Option<u64>,
    /// Requests in 24 hours; null is unlimited, 0 lets nothing through.
    #[oai(nullable, validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    daily_quota: Option<u64>,
    /// The ids of the only models that its keys may use; null means all.
    #[oai(nullable, validator(max_items = 1000))]
    allowed_models: Option<Vec<String>>,
}

impl JsonBody for TeamInput {}

/// A tenant: keys, sessions and usage belong to one.
#[derive(Debug, Object)]
#[oai(rename = "Team")]
struct TeamView {
    /// Its id.
    id: i64,
    /// Its name.
    name: String,
    /// What it is for.
    #[oai(nullable)]
    description: Option<String>,
    /// Requests in 30 days; null is unlimited.
    #[oai(nullable)]
    monthly_quota: Option<u64>,
    /// Requests in 24 hours; null is unlimited.
    #[oai(nullable)]
    daily_quota: Option<u64>,
    /// The ids of the only models that its keys may use; null means all.
    #[oai(nullable)]
    allowed_models: Option<Vec<String>>,
    /// An inactive team's keys are refused.
    is_active: bool,
    /// Whether its webhook is switched on.
    webhook_enabled: bool,
    /// When it was made.
    created_at: Time,
    /// When it was last changed.
    updated_at: Time,
}

impl From<Team> for TeamView {
    fn from(team: Team) -> Self {
        Self {
            id: team.id.0,
            name: team.name,
            description: team.description,
            monthly_quota: team.monthly_quota,
            daily_quota: team.daily_quota,
            allowed_models: team.allowed_models.map(|models| models.iter().map(ModelId::to_string).collect()),
            is_active: team.is_active,
            webhook_enabled: team.webhook_enabled,
            created_at: team.created_at.into(),
            updated_at: team.updated_at.into(),
        }
    }
}

/// A page of teams.
#[derive(Debug, Object)]
struct TeamList {
    /// In order of id.
    teams: Vec<TeamView>,
    /// Leads to the next page; null on the last one.
    #[oai(nullable)]
    next_cursor: Option<String>,
}

/// A team was made.
#[derive(Debug, ApiResponse)]
enum TeamCreated {
    /// The team was made.
    #[oai(status = 201)]
    Created(Json<TeamView>),
}

/// Makes and lists teams.
#[derive(Debug)]
pub(crate) struct AdminTeams {
    engine: Engine,
}

impl AdminTeams {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

#[OpenApi(prefix_path = "/api/v1/admin", tag = "Group::Administration")]
impl AdminTeams {
    /// Make a team
    #[oai(path = "/teams", method = "post", operation_id = "create_team")]
    async fn create(&self, _admin: Admin, input: Body<TeamInput>) -> Result<TeamCreated, Refusal<CreationRefused>> {
        let input = input.0;
        let spec = TeamSpec {
            name: input.name,
            description: input.description,
            monthly_quota: input.monthly_quota,
            daily_quota: input.daily_quota,
            allowed_models: input.allowed_models.map(|models| models.into_iter().map(ModelId::from).collect()),
        };
        Ok(TeamCreated::Created(Json(self.engine.teams().create(spec).await?.into())))
    }

    /// List teams
    #[oai(path = "/teams", method = "get", operation_id = "list_teams")]
    async fn list(
        &self,
        _admin: Admin,
        /// Leaves inactive teams out.
        #[oai(default = "yes")]
        active_only: Query<bool>,
        /// Most entries, 1 to 200.
        #[oai(default)]
        limit: Query<PageLimit>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Json<TeamList>, Refusal<ListRefused>> {
        let after = cursor::decode(cursor.as_deref())?.unwrap_or(0);
        let page = PageAfter { after, limit: limit.with_one_more() };
        let mut teams = self.engine.teams().list(*active_only, page).await?;
        let next_cursor = cursor::page(&mut teams, limit.entries(), |last| last.id.0);
        Ok(Json(TeamList { teams: teams.into_iter().map(TeamView::from).collect(), next_cursor }))
    }
}

fn yes() -> bool {
    true
}
