use serde::Serialize;

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::TeamId;
use crate::secret::Secret;
use crate::team::checks::{check_description, check_expiry, check_name, check_quota, expiry};
use crate::team::key::{self, KeyEnvironment};
use crate::team::{AccessLevel, KeyDigest, NewApiKey};

/// What a new key is to be like.
#[derive(Clone, Debug, Serialize)]
pub struct KeySpec {
    /// The team it belongs to.
    pub team_id: TeamId,
    /// Its name, 1 to 255 characters.
    pub name: String,
    /// What it may do.
    pub access_level: AccessLevel,
    /// `sk_live_…` or `sk_test_…`.
    pub environment: KeyEnvironment,
    /// Requests in 30 days, in place of the team's.
    pub monthly_quota: Option<u64>,
    /// Requests in 24 hours, in place of the team's.
    pub daily_quota: Option<u64>,
    /// Days until it is refused, 1 to 36,500; `None` means never.
    pub expires_in_days: Option<u32>,
    /// What it is for.
    pub description: Option<String>,
    /// Who makes it. No part of what tells one request from another.
    #[serde(skip)]
    pub created_by: Option<String>,
}

impl KeySpec {
    /// A live key of level user without limits of its own.
    pub fn new(team_id: TeamId, name: impl Into<String>) -> Self {
        Self {
            team_id,
            name: name.into(),
            access_level: AccessLevel::User,
            environment: KeyEnvironment::Live,
            monthly_quota: None,
            daily_quota: None,
            expires_in_days: None,
            description: None,
            created_by: None,
        }
    }

    /// The same key with another level.
    pub fn level(mut self, level: AccessLevel) -> Self {
        self.access_level = level;
        self
    }

    /// Checks the form; the error names every field at fault.
    pub(super) fn check(self, secret: &Secret, now: Timestamp) -> Result<NewApiKey> {
        let mut faults = Vec::new();
        check_name(&self.name, &mut faults);
        check_description(self.description.as_deref(), &mut faults);
        check_quota("monthly_quota", self.monthly_quota, &mut faults);
        check_quota("daily_quota", self.daily_quota, &mut faults);
        check_expiry(self.expires_in_days, &mut faults);
        if !faults.is_empty() {
            return Err(Error::invalid_fields(faults));
        }
        let (digest, key_prefix) = (KeyDigest::of(secret.expose()), key::shown_prefix(secret.expose()));
        Ok(NewApiKey {
            access_level: self.access_level,
            monthly_quota: self.monthly_quota,
            daily_quota: self.daily_quota,
            created_by: self.created_by,
            description: self.description,
            expires_at: self.expires_in_days.map(|days| expiry(now, days)),
            ..NewApiKey::new(self.team_id, digest, key_prefix, self.name)
        })
    }
}
