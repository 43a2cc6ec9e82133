use arash_core::team::{AccessLevel, KeyIssue, KeyOwner};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object};

use crate::cursor;
use crate::id::Id;
use crate::idempotency;
use crate::page::PageLimit;
use crate::time::Time;

/// What a key may do.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename = "AccessLevel", rename_all = "snake_case")]
pub(crate) enum Level {
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

/// An API key: everything but the key itself.
#[derive(Debug, Object)]
pub(crate) struct KeyInfo {
    /// Its id.
    id: Id,
    /// Its first 12 characters, to tell it from others.
    key_prefix: String,
    /// Its name.
    name: String,
    /// The team it belongs to.
    team_id: Id,
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

impl From<KeyOwner> for KeyInfo {
    fn from(KeyOwner { key, team }: KeyOwner) -> Self {
        Self {
            id: key.id.into(),
            key_prefix: key.key_prefix,
            name: key.name,
            team_id: key.team_id.into(),
            team_name: team.name,
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

/// An API key with a new secret.
#[derive(Object)]
pub(crate) struct IssuedApiKey {
    /// The key itself. It is not stored and never shown again: null in the answer to a request that is repeated.
    #[oai(nullable)]
    api_key: Option<String>,
    /// What is stored of it, as it was when it was issued.
    key_info: KeyInfo,
    /// What to do with the key.
    warning: String,
}

/// A page of API keys.
#[derive(Debug, Object)]
pub(crate) struct ApiKeyList {
    /// In order of id.
    api_keys: Vec<KeyInfo>,
    /// Leads to the next page; null on the last one.
    #[oai(nullable)]
    next_cursor: Option<String>,
}

impl ApiKeyList {
    /// A page of at most `limit` keys, which were asked for with one more.
    pub(crate) fn of(mut keys: Vec<KeyOwner>, limit: PageLimit) -> Self {
        let next_cursor = cursor::page(&mut keys, limit.entries(), |last: &KeyOwner| last.key.id.0);
        Self { api_keys: keys.into_iter().map(KeyInfo::from).collect(), next_cursor }
    }
}

/// A key has a new secret.
#[derive(ApiResponse)]
pub(crate) enum ApiKeyIssued {
    /// The key has a new secret, which is in this answer only.
    #[oai(status = 201)]
    Issued(
        Json<IssuedApiKey>,
        /// `true` when this is the result of an earlier request with the same `Idempotency-Key`.
        #[oai(header = "Idempotency-Replayed")]
        Option<String>,
    ),
}

impl From<KeyIssue> for ApiKeyIssued {
    fn from(issue: KeyIssue) -> Self {
        let replayed = idempotency::replayed(issue.secret.is_none());
        let issued = IssuedApiKey {
            api_key: issue.secret.map(|secret| secret.expose().to_owned()),
            key_info: issue.owner.into(),
            warning: "Save this API key securely. It will not be shown again.".to_owned(),
        };
        Self::Issued(Json(issued), replayed)
    }
}
