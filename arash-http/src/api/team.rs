use arash_core::platform::ModelId;
use arash_core::team::Team;
use poem_openapi::Object;

use crate::id::Id;
use crate::time::Time;

/// A tenant: keys, sessions and usage belong to one.
#[derive(Debug, Object)]
#[oai(rename = "Team")]
pub(crate) struct TeamView {
    /// Its id.
    id: Id,
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
            id: team.id.into(),
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
