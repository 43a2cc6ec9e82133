use arash_core::Engine;
use arash_core::id::TeamId;
use arash_core::platform::ModelId;
use arash_core::team::{PageAfter, TeamChange, TeamSpec};
use poem::http::HeaderMap;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{ApiResponse, Object, OpenApi};

use crate::api::Group;
use crate::api::patch::edit;
use crate::api::team::TeamView;
use crate::auth::Admin;
use crate::body::{Body, JsonBody};
use crate::cursor::{self, Cursor};
use crate::id::Id;
use crate::idempotency::{self, GivenKey};
use crate::page::PageLimit;
use crate::refusal::{Refusal, statuses};
use crate::text::{Name, Prose};

statuses! {
    /// A list.
    ListRefused = [401, 403, 422, 500, 503];
    /// A creation whose name may be taken.
    CreationRefused = [400, 401, 403, 409, 413, 415, 422, 500, 503];
    /// One team by its id.
    TeamRefused = [401, 403, 404, 422, 500, 503];
    /// A change of one team, whose new name may be taken.
    ChangeRefused = [400, 401, 403, 404, 409, 413, 415, 422, 500, 503];
}

/// A team to be made. Unknown fields are refused.
#[derive(Debug, Object)]
struct TeamInput {
    /// Its name, unique.
    #[oai(validator(min_length = 1, max_length = 255))]
    name: Name,
    /// What it is for.
    #[oai(nullable, validator(max_length = 2000))]
    description: Option<Prose>,
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

/// What is to become of a team. A field that is left out stays as it is; null clears. Unknown fields are refused.
#[derive(Debug, Object)]
struct TeamPatch {
    /// Its name, unique.
    #[oai(validator(min_length = 1, max_length = 255))]
    name: Option<Name>,
    /// What it is for.
    #[oai(nullable, validator(max_length = 2000))]
    description: MaybeUndefined<Prose>,
    /// Requests in 30 days; null is unlimited, 0 lets nothing through.
    #[oai(nullable, validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    monthly_quota: MaybeUndefined<u64>,
    /// Requests in 24 hours; null is unlimited, 0 lets nothing through.
    #[oai(nullable, validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    daily_quota: MaybeUndefined<u64>,
    /// The ids of the only models that its keys may use; null means all.
    #[oai(nullable, validator(max_items = 1000))]
    allowed_models: MaybeUndefined<Vec<String>>,
    /// An inactive team's keys are refused.
    is_active: Option<bool>,
}

impl JsonBody for TeamPatch {}

impl From<TeamPatch> for TeamChange {
    fn from(patch: TeamPatch) -> Self {
        Self {
            name: patch.name.map(String::from),
            description: edit(patch.description.map_value(String::from)),
            monthly_quota: edit(patch.monthly_quota),
            daily_quota: edit(patch.daily_quota),
            allowed_models: edit(patch.allowed_models.map_value(model_ids)),
            is_active: patch.is_active,
        }
    }
}

fn model_ids(names: Vec<String>) -> Vec<ModelId> {
    names.into_iter().map(ModelId::from).collect()
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
    Created(
        Json<TeamView>,
        /// `true` when this is the result of an earlier request with the same `Idempotency-Key`.
        #[oai(header = "Idempotency-Replayed")]
        Option<String>,
    ),
}

/// Makes, lists and changes teams.
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
    #[oai(
        path = "/teams",
        method = "post",
        operation_id = "create_team",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<GivenKey>",
            description = "1 to 255 printable ASCII characters. What is repeated with the same key is done once; its result is given again for 24 hours."
        )
    )]
    async fn create(
        &self,
        admin: Admin,
        headers: &HeaderMap,
        input: Body<TeamInput>,
    ) -> Result<TeamCreated, Refusal<CreationRefused>> {
        let (once, input) = (idempotency::key(headers, &admin.0, "create_team")?, input.0);
        let spec = TeamSpec {
            name: input.name.into(),
            description: input.description.map(String::from),
            monthly_quota: input.monthly_quota,
            daily_quota: input.daily_quota,
            allowed_models: input.allowed_models.map(model_ids),
        };
        let created = self.engine.teams().by(admin.0.actor()).create_once(spec, once).await?;
        Ok(TeamCreated::Created(Json(created.result.into()), idempotency::replayed(created.is_replayed)))
    }

    /// Show a team
    #[oai(path = "/teams/:id", method = "get", operation_id = "get_team")]
    async fn show(
        &self,
        _admin: Admin,
        /// The team's id.
        id: Path<Id>,
    ) -> Result<Json<TeamView>, Refusal<TeamRefused>> {
        Ok(Json(self.engine.teams().get(TeamId::from(*id)).await?.into()))
    }

    /// Change a team
    ///
    /// A field that is left out stays as it is; null clears. Switched off, all its keys are refused: at once here and
    /// within a second on other nodes.
    #[oai(path = "/teams/:id", method = "patch", operation_id = "update_team")]
    async fn update(
        &self,
        admin: Admin,
        /// The team's id.
        id: Path<Id>,
        patch: Body<TeamPatch>,
    ) -> Result<Json<TeamView>, Refusal<ChangeRefused>> {
        let teams = self.engine.teams().by(admin.0.actor());
        Ok(Json(teams.update(TeamId::from(*id), patch.0.into()).await?.into()))
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
        cursor: Query<Option<Cursor<i64>>>,
    ) -> Result<Json<TeamList>, Refusal<ListRefused>> {
        let after = cursor.map_or(0, |Cursor(after)| after);
        let page = PageAfter { after, limit: limit.with_one_more() };
        let mut teams = self.engine.teams().list(*active_only, page).await?;
        let next_cursor = cursor::page(&mut teams, limit.entries(), |last| last.id.0);
        Ok(Json(TeamList { teams: teams.into_iter().map(TeamView::from).collect(), next_cursor }))
    }
}

fn yes() -> bool {
    true
}
