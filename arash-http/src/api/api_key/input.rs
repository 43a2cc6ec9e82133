use std::time::Duration;

use arash_core::id::TeamId;
use arash_core::team::{AccessLevel, KeyChange, KeyEnvironment, KeySpec, Principal};
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Enum, Object};

use super::info::Level;
use crate::api::patch::edit;
use crate::body::JsonBody;
use crate::id::Id;
use crate::text::{Name, Prose};

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
pub(crate) struct ApiKeyInput {
    /// The team it belongs to.
    team_id: Id,
    #[oai(flatten)]
    key: TeamApiKeyInput,
}

impl JsonBody for ApiKeyInput {}

impl ApiKeyInput {
    /// The key as `maker` makes it.
    pub(crate) fn into_spec(self, maker: &Principal) -> KeySpec {
        self.key.into_spec(self.team_id.into(), maker)
    }
}

/// An API key of the own team to be made. Unknown fields are refused.
#[derive(Debug, Object)]
pub(crate) struct TeamApiKeyInput {
    /// Its name.
    #[oai(validator(min_length = 1, max_length = 255))]
    name: Name,
    /// What it may do.
    #[oai(default = "user")]
    access_level: Level,
    /// What it is for.
    #[oai(nullable, validator(max_length = 2000))]
    description: Option<Prose>,
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

impl JsonBody for TeamApiKeyInput {}

impl TeamApiKeyInput {
    /// The key as `maker` makes it for `team`.
    pub(crate) fn into_spec(self, team: TeamId, maker: &Principal) -> KeySpec {
        KeySpec {
            environment: self.environment.into(),
            monthly_quota: self.monthly_quota,
            daily_quota: self.daily_quota,
            expires_in_days: self.expires_in_days,
            description: self.description.map(String::from),
            created_by: Some(maker.key_name().to_owned()),
            ..KeySpec::new(team, self.name).level(self.access_level.into())
        }
    }
}

fn user() -> Level {
    Level::User
}

/// What is to become of an API key. A field that is left out stays as it is; null clears. Unknown fields are refused.
#[derive(Debug, Object)]
pub(crate) struct ApiKeyPatch {
    /// Its name.
    #[oai(validator(min_length = 1, max_length = 255))]
    name: Option<Name>,
    /// What it may do.
    access_level: Option<Level>,
    /// What it is for.
    #[oai(nullable, validator(max_length = 2000))]
    description: MaybeUndefined<Prose>,
    /// Requests in 30 days, in place of the team's; null means the team's.
    #[oai(nullable, validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    monthly_quota: MaybeUndefined<u64>,
    /// Requests in 24 hours, in place of the team's; null means the team's.
    #[oai(nullable, validator(minimum(value = "0"), maximum(value = "1000000000000")))]
    daily_quota: MaybeUndefined<u64>,
    /// Days from now until it is refused; null means never.
    #[oai(nullable, validator(minimum(value = "1"), maximum(value = "36500")))]
    expires_in_days: MaybeUndefined<u32>,
    /// Whether it works. A revoked key may be switched on again.
    is_active: Option<bool>,
}

impl JsonBody for ApiKeyPatch {}

impl From<ApiKeyPatch> for KeyChange {
    fn from(patch: ApiKeyPatch) -> Self {
        Self {
            name: patch.name.map(String::from),
            description: edit(patch.description.map_value(String::from)),
            monthly_quota: edit(patch.monthly_quota),
            daily_quota: edit(patch.daily_quota),
            access_level: patch.access_level.map(AccessLevel::from),
            expires_in_days: edit(patch.expires_in_days),
            is_active: patch.is_active,
        }
    }
}

/// How an API key gets a new secret. Unknown fields are refused.
#[derive(Debug, Object)]
pub(crate) struct RotationInput {
    /// For how many seconds the secret until now stays good beside the new one; 0 ends it at once.
    #[oai(default = "a_day", validator(minimum(value = "0"), maximum(value = "2592000")))]
    overlap_seconds: u32,
}

fn a_day() -> u32 {
    86_400
}

impl JsonBody for RotationInput {}

impl RotationInput {
    pub(crate) fn overlap(&self) -> Duration {
        Duration::from_secs(u64::from(self.overlap_seconds))
    }
}
