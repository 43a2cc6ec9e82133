use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::team::checks::{check_description, check_expiry, check_name, check_quota, expiry};
use crate::team::{AccessLevel, ApiKey, AuditEntry, ChangeContext, Edit};

/// What is to become of an API key; what is not named stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyChange {
    /// Its name, 1 to 255 characters.
    pub name: Option<String>,
    /// What it is for.
    pub description: Edit<String>,
    /// Requests in 30 days, in place of the team's; cleared it is the team's.
    pub monthly_quota: Edit<u64>,
    /// Requests in 24 hours, in place of the team's; cleared it is the team's.
    pub daily_quota: Edit<u64>,
    /// What it may do.
    pub access_level: Option<AccessLevel>,
    /// Days from now until it is refused, 1 to 36,500; cleared it means never.
    pub expires_in_days: Edit<u32>,
    /// Whether it works. One that was revoked may be switched on again.
    pub is_active: Option<bool>,
}

impl KeyChange {
    /// Switches a key on or off.
    pub fn active(is_active: bool) -> Self {
        Self { is_active: Some(is_active), ..Self::default() }
    }

    /// Checks the form; the error names every field at fault.
    pub(super) fn check(&self) -> Result<()> {
        let mut faults = Vec::new();
        self.name.iter().for_each(|name| check_name(name, &mut faults));
        check_description(self.description.value().map(String::as_str), &mut faults);
        check_quota("monthly_quota", self.monthly_quota.value().copied(), &mut faults);
        check_quota("daily_quota", self.daily_quota.value().copied(), &mut faults);
        check_expiry(self.expires_in_days.value().copied(), &mut faults);
        if faults.is_empty() { Ok(()) } else { Err(Error::invalid_fields(faults)) }
    }

    /// What it makes of a key, and the line for the audit log; `None` when that changes nothing. A change that does no
    /// more than switch a key off is a revocation.
    ///
    /// # Errors
    /// Those of [`Actor::require_over`](crate::team::Actor::require_over), for the key as it is and as it would become, and
    /// of [`Actor::require_reactivation`](crate::team::Actor::require_reactivation).
    pub fn on(&self, before: &ApiKey, by: &ChangeContext) -> Result<Option<(ApiKey, AuditEntry)>> {
        by.actor.require_over(before)?;
        let mut after = before.clone();
        self.apply(&mut after, by.at);
        by.actor.require_over(&after)?;
        if after.is_active && !before.is_active {
            by.actor.require_reactivation()?;
        }
        if after == *before {
            return Ok(None);
        }
        let is_revocation = after == ApiKey { is_active: false, ..before.clone() };
        let entry = AuditEntry::changed(before, &after, if is_revocation { "revoked" } else { "updated" }, by);
        Ok(Some((after, entry)))
    }

    fn apply(&self, key: &mut ApiKey, now: Timestamp) {
        if let Some(name) = &self.name {
            key.name.clone_from(name);
        }
        self.description.apply(&mut key.description);
        self.monthly_quota.apply(&mut key.monthly_quota);
        self.daily_quota.apply(&mut key.daily_quota);
        key.access_level = self.access_level.unwrap_or(key.access_level);
        if let Some(days) = self.expires_in_days.as_written() {
            key.expires_at = days.map(|&days| expiry(now, days));
        }
        key.is_active = self.is_active.unwrap_or(key.is_active);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::error::ErrorKind;
    use crate::id::{ApiKeyId, TeamId};
    use crate::team::{Actor, KeyDigest, NewApiKey};

    fn key() -> ApiKey {
        let new = NewApiKey {
            daily_quota: Some(5),
            ..NewApiKey::new(TeamId(7), KeyDigest::of("key"), "sk_live_abcd".to_owned(), "key".to_owned())
        };
        ApiKey::from_new(ApiKeyId(5), new, Timestamp::from_millis(10))
    }

    fn by(actor: Actor) -> ChangeContext {
        ChangeContext::new(actor, Timestamp::from_millis(20))
    }

    #[test]
    fn what_is_named_is_set_or_cleared_and_the_rest_stays() {
        let change = KeyChange {
            description: Edit::Set("New.".to_owned()),
            daily_quota: Edit::Clear,
            expires_in_days: Edit::Set(2),
            ..KeyChange::default()
        };
        let (after, entry) = change.on(&key(), &by(Actor::program())).unwrap().unwrap();
        let end = Timestamp::from_millis(20).plus(Duration::from_secs(2 * 86_400));
        let expected =
            ApiKey { description: Some("New.".to_owned()), daily_quota: None, expires_at: Some(end), ..key() };
        assert_eq!(after, expected);
        assert_eq!((entry.action.as_str(), entry.object.as_str()), ("key.updated", "key:5"));
        let fields = json!({"description": "New.", "daily_quota": null, "expires_at": "1970-01-03T00:00:00.020Z"});
        assert_eq!(entry.after.as_ref(), fields.as_object());
        let never = KeyChange { expires_in_days: Edit::Clear, ..KeyChange::default() };
        assert_eq!(never.on(&after, &by(Actor::program())).unwrap().unwrap().0.expires_at, None);
    }

    #[test]
    fn switching_a_key_off_and_nothing_else_is_a_revocation() {
        let action = |change: KeyChange, before: &ApiKey| {
            change.on(before, &by(Actor::program())).unwrap().map(|(_, entry)| entry.action)
        };
        assert_eq!(action(KeyChange::active(false), &key()).as_deref(), Some("key.revoked"));
        let named = KeyChange { name: Some("other".to_owned()), ..KeyChange::active(false) };
        assert_eq!(action(named, &key()).as_deref(), Some("key.updated"));
        let revoked = ApiKey { is_active: false, ..key() };
        assert_eq!(action(KeyChange::active(false), &revoked), None);
        assert_eq!(action(KeyChange::active(true), &revoked).as_deref(), Some("key.updated"));
    }

    #[test]
    fn nobody_raises_a_key_beyond_the_own_reach() {
        let lead = by(Actor::lead(ApiKeyId(3), TeamId(7)));
        let level = |level| KeyChange { access_level: Some(level), ..KeyChange::default() };
        assert!(level(AccessLevel::TeamLead).on(&key(), &lead).unwrap().is_some());
        assert_eq!(level(AccessLevel::Admin).on(&key(), &lead).unwrap_err().kind(), ErrorKind::Forbidden);
        let admin = ApiKey { access_level: AccessLevel::Admin, ..key() };
        for change in [level(AccessLevel::User), KeyChange::default()] {
            assert_eq!(change.on(&admin, &lead).unwrap_err().kind(), ErrorKind::Forbidden);
        }
    }

    #[test]
    fn every_field_at_fault_is_named() {
        let change = KeyChange {
            name: Some(String::new()),
            description: Edit::Set("x".repeat(2_001)),
            monthly_quota: Edit::Set(u64::MAX),
            daily_quota: Edit::Set(u64::MAX),
            expires_in_days: Edit::Set(0),
            ..KeyChange::default()
        };
        let fields: Vec<_> = change.check().unwrap_err().fields().iter().map(|fault| fault.field.to_string()).collect();
        assert_eq!(fields, ["name", "description", "monthly_quota", "daily_quota", "expires_in_days"]);
    }
}
