use arash_core::Engine;
use arash_core::id::{ApiKeyId, TeamId};
use arash_core::team::{AccessLevel, ApiKey, KeyEnvironment, KeyOwner, KeySpec, PageAfter};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};

use crate::api::{Done, Group};
use crate::auth::Admin;
use crate::body::{Body, JsonBody};
use crate::cursor;
use crate::page::PageLimit;
use crate::refusal::{Refusal, statuses};
use crate::time::Time;

statuses! {
    /// A list.
    ListRefused = [401, 403, 422, 500, 503];
    /// A creation for a team that may not exist.
    CreationRefused = [400, 401, 403, 404, 413, 415, 422, 500, 503];
    /// A change of one key.
    ChangeRefused = [401, 403, 404, 422, 500, 503];
}

/// What a key may do.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename = "AccessLevel", rename_all = "snake_case")]
enum Level {
    User,
    TeamLead,
    Admin,
}

impl From<Level> for AccessLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::User => Self::User,
            Level::TeamLead => Self::TeamLead,
            Level::Admin => Self::Admin,
        }
    }
}

impl From<AccessLevel> for Level {
    fn from(level: AccessLevel) -> Self {
        match level {
            AccessLevel::User => Self::User,
            AccessLevel::TeamLead => Self::TeamLead,
            AccessLevel::Admin => Self::Admin,
        }
    }
}

/// Whether a key is for real use or for trying things out; both are treated alike.
#[derive(Clone, Copy, Debug, Default, Enum)]
#[oai(rename = "KeyEnvironment", rename_all = "snake_case")]
enum Use {
    #[default]
    Live,
    Test,
}

impl From<Use> for KeyEnvironment {
    fn from(environment: Use) -> Self {
        match environment {
            Use::Live => Self::Live,
            Use::Test => Self::Test,
        }
    }
}

/// An API key to be made. Unknown fields are refused.
#[derive(Debug, Object)]
struct ApiKeyInput {
    /// The team it belongs to.
    team_id: i64,
    /// Its name.
    #[oai(validator(min_length = 1, max_length = 255))]
    name: String,
    /// What it may do.
    #[oai(default = "user")]
    access_level: Level,
    /// What it is for.
    #[oai(nullable, validator(max_length = 2000))]
    description: Option<String>,
    /// Requests in 30 days, in place of the team's; null means the team's.
    #[oai(nullable, validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    monthly_quota: Option<u64>,
    /// Requests in 24 hours, in place of the team's; null means the team's.
    #[oai(nullable, validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    daily_quota: Option<u64>,
    /// Days until it is refused; null means never.
    #[oai(nullable, validator(minimum(value = "1"), maximum(value = "36500")))]
    expires_in_days: Option<u32>,
    /// `live` for keys that begin with `sk_live_`, `test` for `sk_test_`.
    #[oai(default)]
    environment: Use,
}

impl JsonBody for ApiKeyInput {}

fn user() -> Level {
    Level::User
}

/// An API key: everything but the key itself.
#[derive(Debug, Object)]
struct KeyInfo {
    /// Its id.
    id: i64,
    /// Its first 12 characters, to tell it from others.
    key_prefix: String,
    /// Its name.
    name: String,
    /// The team it belongs to.
    team_id: i64,
    /// That team's name.
    team_name: String,
    /// What it may do.
    access_level: Level,
    /// Requests in 30 days; null means the team's.
    #[oai(nullable)]
    monthly_quota: Option<u64>,
    /// Requests in 24 hours; null means the team's.
    #[oai(nullable)]
    daily_quota: Option<u64>,
    /// A revoked key is not active.
    is_active: bool,
    /// The name of the key that made it.
    #[oai(nullable)]
    created_by: Option<String>,
    /// What it is for.
    #[oai(nullable)]
    description: Option<String>,
    /// When it was made.
    created_at: Time,
    /// When it last answered for a message, to the minute.
    #[oai(nullable)]
    last_used_at: Option<Time>,
    /// From when on it is refused; null means never.
    #[oai(nullable)]
    expires_at: Option<Time>,
}

impl KeyInfo {
    fn of(key: ApiKey, team_name: String) -> Self {
        Self {
            id: key.id.0,
            key_prefix: key.key_prefix,
            name: key.name,
            team_id: key.team_id.0,
            team_name,
            access_level: key.access_level.into(),
            monthly_quota: key.monthly_quota,
            daily_quota: key.daily_quota,
            is_active: key.is_active,
            created_by: key.created_by,
            description: key.description,
            created_at: key.created_at.into(),
            last_used_at: key.last_used_at.map(Time::from),
            expires_at: key.expires_at.map(Time::from),
        }
    }
}

/// A new API key.
#[derive(Object)]
struct IssuedApiKey {
    /// The key itself. It is not stored and never shown again.
    #[oai(nullable)]
    api_key: Option<String>,
    /// What is stored of it.
    key_info: KeyInfo,
    /// What to do with the key.
    warning: String,
}

/// A page of API keys.
#[derive(Debug, Object)]
struct ApiKeyList {
    /// In order of id.
    api_keys: Vec<KeyInfo>,
    /// Leads to the next page; null on the last one.
    #[oai(nullable)]
    next_cursor: Option<String>,
}

/// A key was made.
#[derive(ApiResponse)]
enum ApiKeyCreated {
    /// The key was made.
    #[oai(status = 201)]
    Created(Json<IssuedApiKey>),
}

/// Makes, lists and revokes API keys.
#[derive(Debug)]
pub(crate) struct AdminKeys {
    engine: Engine,
}

impl AdminKeys {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

#[OpenApi(prefix_path = "/api/v1/admin", tag = "Group::Administration")]
impl AdminKeys {
    /// Make an API key
    ///
    /// The key itself is in this answer only.
    #[oai(path = "/api-keys", method = "post", operation_id = "create_api_key")]
    async fn create(&self, admin: Admin, input: Body<ApiKeyInput>) -> Result<ApiKeyCreated, Refusal<CreationRefused>> {
        let input = input.0;
        let team = self.engine.teams().get(TeamId(input.team_id)).await?;
        let spec = KeySpec {
            environment: input.environment.into(),
            monthly_quota: input.monthly_quota,
            daily_quota: input.daily_quota,
            expires_in_days: input.expires_in_days,
            description: input.description,
            created_by: Some(admin.0.key_name().to_owned()),
            ..KeySpec::new(team.id, input.name).level(input.access_level.into())
        };
        let issued = self.engine.keys().create(spec).await?;
        Ok(ApiKeyCreated::Created(Json(IssuedApiKey {
            api_key: Some(issued.secret.expose().to_owned()),
            key_info: KeyInfo::of(issued.key, team.name),
            warning: "Save this API key securely. It will not be shown again.".to_owned(),
        })))
    }

    /// List API keys
    #[oai(path = "/api-keys", method = "get", operation_id = "list_api_keys")]
    async fn list(
        &self,
        _admin: Admin,
        /// Only those of this team.
        team_id: Query<Option<i64>>,
        /// Most entries, 1 to 200.
        #[oai(default)]
        limit: Query<PageLimit>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Json<ApiKeyList>, Refusal<ListRefused>> {
        let after = cursor::decode(cursor.as_deref())?.unwrap_or(0);
        let page = PageAfter { after, limit: limit.with_one_more() };
        let mut keys = self.engine.keys().list(team_id.map(TeamId), page).await?;
        let next_cursor = cursor::page(&mut keys, limit.entries(), |last: &KeyOwner| last.key.id.0);
        let api_keys = keys.into_iter().map(|owner| KeyInfo::of(owner.key, owner.team.name)).collect();
        Ok(Json(ApiKeyList { api_keys, next_cursor }))
    }

    /// Revoke or delete an API key
    ///
    /// It is refused at once here and within a second on other nodes. Its usage records stay.
    #[oai(path = "/api-keys/:id", method = "delete", operation_id = "revoke_api_key")]
    async fn revoke(
        &self,
        _admin: Admin,
        /// The key's id.
        id: Path<i64>,
        /// Whether what is stored of it goes too.
        #[oai(default)]
        permanent: Query<bool>,
    ) -> Result<Json<Done>, Refusal<ChangeRefused>> {
        let keys = self.engine.keys();
        if *permanent {
            keys.delete(ApiKeyId(*id)).await?;
            return Ok(Json(Done::saying("API key deleted")));
        }
        keys.revoke(ApiKeyId(*id)).await?;
        Ok(Json(Done::saying("API key revoked")))
    }
}
