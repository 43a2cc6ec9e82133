use serde::Serialize;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::event::EventKind;
use crate::id::ApiKeyId;
use crate::team::{AccessLevel, ApiKey, Team};
use crate::webhook::Event;

#[derive(Serialize)]
struct Body<'a> {
    api_key: Shown<'a>,
}

/// What is told of a key: never the key itself.
#[derive(Serialize)]
struct Shown<'a> {
    id: ApiKeyId,
    name: &'a str,
    key_prefix: &'a str,
    access_level: AccessLevel,
}

impl Event {
    /// What `team` is told of a key that was made for it, if it wants to be.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) if it cannot be written as JSON.
    pub fn key_created(team: &Team, key: &ApiKey, at: Timestamp) -> Result<Option<Self>> {
        Self::of_key(EventKind::KeyCreated, team, key, at)
    }

    /// What `team` is told of a key that was good `before` and now is `after`, if it is good no more and the team wants to
    /// be told. What is deleted is nothing after.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) if it cannot be written as JSON.
    pub fn key_revoked(team: &Team, before: &ApiKey, after: Option<&ApiKey>, at: Timestamp) -> Result<Option<Self>> {
        if !before.is_active || after.is_some_and(|key| key.is_active) {
            return Ok(None);
        }
        Self::of_key(EventKind::KeyRevoked, team, after.unwrap_or(before), at)
    }

    fn of_key(kind: EventKind, team: &Team, key: &ApiKey, at: Timestamp) -> Result<Option<Self>> {
        if !team.webhook_events.contains(kind) {
            return Ok(None);
        }
        let (name, key_prefix) = (key.name.as_str(), key.key_prefix.as_str());
        let api_key = Shown { id: key.id, name, key_prefix, access_level: key.access_level };
        Self::new(kind, team.id, at, Body { api_key }).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventKinds;
    use crate::id::TeamId;
    use crate::team::{KeyDigest, NewApiKey, NewTeam};

    fn team(events: impl IntoIterator<Item = EventKind>) -> Team {
        let new = NewTeam {
            name: "Acme".to_owned(),
            description: None,
            monthly_quota: None,
            daily_quota: None,
            allowed_models: None,
        };
        let mut team = Team::from_new(TeamId(100), new, at());
        team.webhook_events = EventKinds::from_iter(events);
        team
    }

    fn key() -> ApiKey {
        let digest = KeyDigest::of("sk_live_abcdefgh");
        let new = NewApiKey::new(TeamId(100), digest, "sk_live_abcd".to_owned(), "Reports".to_owned());
        ApiKey::from_new(ApiKeyId(12), new, at())
    }

    fn at() -> Timestamp {
        Timestamp::from_millis(1_761_998_400_000)
    }

    #[test]
    fn a_key_is_told_by_what_may_be_seen_of_it() {
        let team = team(EventKind::ALL);
        let created = Event::key_created(&team, &key(), at()).unwrap().unwrap();
        let told = |event: &str| {
            let head = format!(r#"{{"event":"{event}","timestamp":"2025-11-01T12:00:00Z","team_id":100,"#);
            head + r#""api_key":{"id":12,"name":"Reports","key_prefix":"sk_live_abcd","access_level":"user"}}"#
        };
        assert_eq!((created.kind, created.payload), (EventKind::KeyCreated, told("key.created")));
        let revoked = Event::key_revoked(&team, &key(), None, at()).unwrap().unwrap();
        assert_eq!((revoked.kind, revoked.payload), (EventKind::KeyRevoked, told("key.revoked")));
    }

    #[test]
    fn only_what_takes_a_key_out_of_use_revokes_it() {
        let (team, good) = (team(EventKind::ALL), key());
        let revoked = ApiKey { is_active: false, ..key() };
        let is_told = |before, after| Event::key_revoked(&team, before, after, at()).unwrap().is_some();
        assert!(is_told(&good, Some(&revoked)) && is_told(&good, None));
        assert!(!is_told(&revoked, Some(&good)) && !is_told(&good, Some(&good)) && !is_told(&revoked, None));
    }

    #[test]
    fn a_team_is_told_of_what_it_wants_only() {
        let team = team([EventKind::KeyRevoked]);
        assert_eq!(Event::key_created(&team, &key(), at()).unwrap(), None);
        assert!(Event::key_revoked(&team, &key(), None, at()).unwrap().is_some());
    }
}
