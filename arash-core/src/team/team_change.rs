use crate::error::{Error, Result};
use crate::platform::ModelId;
use crate::team::checks::{check_description, check_name, check_quota};
use crate::team::{AuditEntry, ChangeContext, Edit, Team};

/// What is to become of a team; what is not named stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TeamChange {
    /// Its name, unique, 1 to 255 characters.
    pub name: Option<String>,
    /// What it is for.
    pub description: Edit<String>,
    /// Requests in 30 days; cleared it is unlimited.
    pub monthly_quota: Edit<u64>,
    /// Requests in 24 hours; cleared it is unlimited.
    pub daily_quota: Edit<u64>,
    /// The only models its keys may use; cleared it means all.
    pub allowed_models: Edit<Vec<ModelId>>,
    /// Whether its keys work.
    pub is_active: Option<bool>,
}

impl TeamChange {
    /// Switches a team on or off.
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
        if faults.is_empty() { Ok(()) } else { Err(Error::invalid_fields(faults)) }
    }

    /// What it makes of a team, and the line for the audit log; `None` when that changes nothing.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) when the actor may not change teams.
    pub fn on(&self, before: &Team, by: &ChangeContext) -> Result<Option<(Team, AuditEntry)>> {
        by.actor.require_over_teams()?;
        let mut after = before.clone();
        self.apply(&mut after);
        if after == *before {
            return Ok(None);
        }
        // A clock that was put back must not make it look older than it is.
        after.updated_at = by.at.max(before.updated_at);
        let entry = AuditEntry::changed(before, &after, "updated", by);
        Ok(Some((after, entry)))
    }

    fn apply(&self, team: &mut Team) {
        if let Some(name) = &self.name {
            team.name.clone_from(name);
        }
        self.description.apply(&mut team.description);
        self.monthly_quota.apply(&mut team.monthly_quota);
        self.daily_quota.apply(&mut team.daily_quota);
        self.allowed_models.apply(&mut team.allowed_models);
        team.is_active = self.is_active.unwrap_or(team.is_active);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Timestamp;
    use crate::id::{ApiKeyId, TeamId};
    use crate::team::{Actor, TeamSpec};

    fn team() -> Team {
        let spec = TeamSpec { daily_quota: Some(5), description: Some("Old.".to_owned()), ..TeamSpec::named("Acme") };
        Team::from_new(TeamId(7), spec.check().unwrap(), Timestamp::from_millis(10))
    }

    fn by(millis: i64) -> ChangeContext {
        ChangeContext::new(Actor::admin(ApiKeyId(3)).in_request("r1"), Timestamp::from_millis(millis))
    }

    #[test]
    fn what_is_named_is_set_or_cleared_and_the_rest_stays() {
        let change = TeamChange {
            name: Some("Other".to_owned()),
            description: Edit::Clear,
            monthly_quota: Edit::Set(9),
            ..TeamChange::default()
        };
        let (after, entry) = change.on(&team(), &by(20)).unwrap().unwrap();
        let expected = Team {
            name: "Other".to_owned(),
            description: None,
            monthly_quota: Some(9),
            updated_at: Timestamp::from_millis(20),
            ..team()
        };
        assert_eq!(after, expected);
        assert_eq!((entry.action.as_str(), entry.object.as_str()), ("team.updated", "team:7"));
        assert_eq!(
            entry.before.unwrap(),
            *json!({"name": "Acme", "description": "Old.", "monthly_quota": null}).as_object().unwrap()
        );
        assert_eq!(
            entry.after.unwrap(),
            *json!({"name": "Other", "description": null, "monthly_quota": 9}).as_object().unwrap()
        );
        assert_eq!((entry.actor_key_id, entry.request_id.as_deref()), (Some(ApiKeyId(3)), Some("r1")));
    }

    #[test]
    fn what_changes_nothing_is_nothing() {
        let same = TeamChange { name: Some("Acme".to_owned()), monthly_quota: Edit::Clear, ..TeamChange::active(true) };
        for change in [TeamChange::default(), same] {
            assert!(change.on(&team(), &by(20)).unwrap().is_none());
        }
    }

    #[test]
    fn a_team_never_looks_older_than_it_did() {
        let (after, _) = TeamChange::active(false).on(&team(), &by(5)).unwrap().unwrap();
        assert_eq!(after.updated_at, Timestamp::from_millis(10));
    }

    #[test]
    fn every_field_at_fault_is_named() {
        let change = TeamChange {
            name: Some(" ".to_owned()),
            description: Edit::Set("x".repeat(2_001)),
            monthly_quota: Edit::Set(u64::MAX),
            daily_quota: Edit::Set(u64::MAX),
            ..TeamChange::default()
        };
        let fields: Vec<_> = change.check().unwrap_err().fields().iter().map(|fault| fault.field.to_string()).collect();
        assert_eq!(fields, ["name", "description", "monthly_quota", "daily_quota"]);
        let cleared = TeamChange { monthly_quota: Edit::Clear, description: Edit::Clear, ..TeamChange::default() };
        assert!(cleared.check().is_ok());
    }

    #[test]
    fn a_team_lead_changes_no_team() {
        let by = ChangeContext::new(Actor::lead(ApiKeyId(3), TeamId(7)), Timestamp::from_millis(20));
        assert_eq!(TeamChange::default().on(&team(), &by).unwrap_err().kind(), crate::ErrorKind::Forbidden);
    }
}
