use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::event::EventKinds;
use crate::id::{ApiKeyId, TeamId};
use crate::platform::ModelId;
use crate::team::{AccessLevel, KeyDigest};

/// A tenant: keys, sessions, usage and webhooks belong to one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Team {
    /// Its id.
    pub id: TeamId,
    /// Its name, unique, 1 to 255 characters.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Requests in 30 days; `None` is unlimited.
    pub monthly_quota: Option<u64>,
    /// Requests in 24 hours; `None` is unlimited.
    pub daily_quota: Option<u64>,
    /// The only models its keys may use; `None` means all.
    pub allowed_models: Option<Vec<ModelId>>,
    /// An inactive team's keys are refused.
    pub is_active: bool,
    /// Whether its webhook endpoint is switched on.
    pub webhook_enabled: bool,
    /// What that endpoint is told of; nothing while it is switched off.
    pub webhook_events: EventKinds,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A team to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTeam {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Requests in 30 days.
    pub monthly_quota: Option<u64>,
    /// Requests in 24 hours.
    pub daily_quota: Option<u64>,
    /// The only models its keys may use.
    pub allowed_models: Option<Vec<ModelId>>,
}

impl Team {
    /// The team that `new` becomes in the store.
    pub fn from_new(id: TeamId, new: NewTeam, at: Timestamp) -> Self {
        Self {
            id,
            name: new.name,
            description: new.description,
            monthly_quota: new.monthly_quota,
            daily_quota: new.daily_quota,
            allowed_models: new.allowed_models,
            is_active: true,
            webhook_enabled: false,
            webhook_events: EventKinds::NONE,
            created_at: at,
            updated_at: at,
        }
    }
}

/// An API key as the store knows it: everything but the key itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// The team it belongs to.
    pub team_id: TeamId,
    /// Its first characters, to tell it from others.
    pub key_prefix: String,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub access_level: AccessLevel,
    /// Requests in 30 days, in place of the team's.
    pub monthly_quota: Option<u64>,
    /// Requests in 24 hours, in place of the team's.
    pub daily_quota: Option<u64>,
    /// A revoked key is not active.
    pub is_active: bool,
    /// Who made it: a key's name, or the program.
    pub created_by: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last answered for a message, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// Until when the secret before the present one is good too; `None` when there is none.
    pub previous_expires_at: Option<Timestamp>,
}

/// An API key to be made.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// The team it belongs to.
    pub team_id: TeamId,
    /// The digest of the key.
    pub digest: KeyDigest,
    /// Its first characters.
    pub key_prefix: String,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub access_level: AccessLevel,
    /// Requests in 30 days, in place of the team's.
    pub monthly_quota: Option<u64>,
    /// Requests in 24 hours, in place of the team's.
    pub daily_quota: Option<u64>,
    /// Who made it.
    pub created_by: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

impl ApiKey {
    /// The key that `new` becomes in the store.
    pub fn from_new(id: ApiKeyId, new: NewApiKey, at: Timestamp) -> Self {
        Self {
            id,
            team_id: new.team_id,
            key_prefix: new.key_prefix,
            name: new.name,
            access_level: new.access_level,
            monthly_quota: new.monthly_quota,
            daily_quota: new.daily_quota,
            is_active: true,
            created_by: new.created_by,
            description: new.description,
            created_at: at,
            last_used_at: None,
            expires_at: new.expires_at,
            previous_expires_at: None,
        }
    }
}

impl NewApiKey {
    /// A key of level user without limits of its own.
    pub fn new(team_id: TeamId, digest: KeyDigest, key_prefix: String, name: String) -> Self {
        Self {
            team_id,
            digest,
            key_prefix,
            name,
            access_level: AccessLevel::User,
            monthly_quota: None,
            daily_quota: None,
            created_by: None,
            description: None,
            expires_at: None,
        }
    }
}

/// A key together with the team it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyOwner {
    /// The key.
    pub key: ApiKey,
    /// Its team.
    pub team: Team,
}

/// The key that a secret belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMatch {
    /// The key and its team, active or not.
    pub owner: KeyOwner,
    /// From when on this secret is refused; of one that was replaced, that may be before the key itself is.
    pub valid_until: Option<Timestamp>,
}

impl KeyMatch {
    /// The secret is the key's present one.
    pub fn present(owner: KeyOwner) -> Self {
        Self { valid_until: owner.key.expires_at, owner }
    }

    /// The secret is the one before the present one.
    pub fn previous(owner: KeyOwner) -> Self {
        // Without an end of its own it never was to be good any longer.
        let end = owner.key.previous_expires_at.unwrap_or_default();
        Self { valid_until: Some(owner.key.expires_at.map_or(end, |key_end| key_end.min(end))), owner }
    }
}

/// A page of a list in order of id: at most `limit` entries with an id above `after`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageAfter {
    /// The last id of the page before; 0 for the first page.
    pub after: i64,
    /// Most entries.
    pub limit: u32,
}

impl PageAfter {
    /// The first `limit` entries.
    pub const fn first(limit: u32) -> Self {
        Self { after: 0, limit }
    }
}
