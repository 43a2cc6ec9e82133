use crate::error::{Error, ErrorKind, Result};
use crate::id::{ApiKeyId, TeamId};
use crate::team::{AccessLevel, ApiKey, no_such_key, no_such_team};

/// Who changes something, and how far that one's rights reach.
///
/// [`Principal::admin`](crate::team::Principal::admin) and [`Principal::lead`](crate::team::Principal::lead) make one of a
/// caller who has the right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    key_id: Option<ApiKeyId>,
    request_id: Option<String>,
    reach: Reach,
}

/// What an actor may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Every team and every key.
    Everything,
    /// The keys of this team up to this level, and its webhook.
    KeysOf(TeamId, AccessLevel),
}

impl Actor {
    /// The program itself, which may do everything.
    pub const fn program() -> Self {
        Self { key_id: None, request_id: None, reach: Reach::Everything }
    }

    /// Whoever shows this key, with a right to everything.
    pub(crate) const fn admin(key_id: ApiKeyId) -> Self {
        Self { key_id: Some(key_id), request_id: None, reach: Reach::Everything }
    }

    /// Whoever shows this key, with a right to the keys of `team` up to level team lead.
    pub(crate) const fn lead(key_id: ApiKeyId, team: TeamId) -> Self {
        Self { key_id: Some(key_id), request_id: None, reach: Reach::KeysOf(team, AccessLevel::TeamLead) }
    }

    /// The same actor in the request of this name.
    #[must_use]
    pub fn in_request(mut self, request_id: impl Into<String>) -> Self {
        self.request_id = Some(request_id.into());
        self
    }

    /// The key that was shown; `None` for the program itself.
    pub const fn key_id(&self) -> Option<ApiKeyId> {
        self.key_id
    }

    /// The request in which it is done, if it is one.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// The one rule about touching a key, as it is and as it becomes.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for a key of another team, as if it did not exist;
    /// [`Forbidden`](ErrorKind::Forbidden) for one of a higher level.
    pub fn require_over(&self, key: &ApiKey) -> Result<()> {
        match self.reach {
            Reach::KeysOf(team, _) if key.team_id != team => Err(no_such_key(key.id)),
            Reach::KeysOf(_, highest) => require_level(highest, key.access_level),
            Reach::Everything => Ok(()),
        }
    }

    /// Switching on again what was switched off: a key may have been revoked because it leaked, by somebody whose word
    /// weighs more.
    ///
    /// # Errors
    /// [`Forbidden`](ErrorKind::Forbidden) for whoever has not a right to everything.
    pub fn require_reactivation(&self) -> Result<()> {
        match self.reach {
            Reach::Everything => Ok(()),
            Reach::KeysOf(..) => {
                Err(Error::new(ErrorKind::Forbidden, "a key that was revoked is switched on again by admins only"))
            }
        }
    }

    /// The same rule about a key that is to be made.
    ///
    /// # Errors
    /// [`Forbidden`](ErrorKind::Forbidden) for a key of another team or a higher level.
    pub fn require_new_key(&self, team: TeamId, level: AccessLevel) -> Result<()> {
        match self.reach {
            Reach::KeysOf(own, _) if team != own => {
                Err(Error::new(ErrorKind::Forbidden, "keys of other teams cannot be made with this key"))
            }
            Reach::KeysOf(_, highest) => require_level(highest, level),
            Reach::Everything => Ok(()),
        }
    }

    /// The right to make and change teams.
    ///
    /// # Errors
    /// [`Forbidden`](ErrorKind::Forbidden) for whoever has not a right to everything.
    pub fn require_over_teams(&self) -> Result<()> {
        match self.reach {
            Reach::Everything => Ok(()),
            Reach::KeysOf(..) => Err(Error::new(ErrorKind::Forbidden, "teams are made and changed by admins only")),
        }
    }

    /// The right to change a team's webhook.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for another team's, as if there were no such team.
    pub fn require_over_webhook(&self, team: TeamId) -> Result<()> {
        match self.reach {
            Reach::KeysOf(own, _) if team != own => Err(no_such_team(team)),
            Reach::KeysOf(..) | Reach::Everything => Ok(()),
        }
    }
}

fn require_level(highest: AccessLevel, level: AccessLevel) -> Result<()> {
    if level <= highest {
        return Ok(());
    }
    let message = format!("a key of level {level} is beyond a team's own administration, which is up to {highest}");
    Err(Error::new(ErrorKind::Forbidden, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::team::{KeyDigest, NewApiKey};

    fn key(team: i64, level: AccessLevel) -> ApiKey {
        let new = NewApiKey {
            access_level: level,
            ..NewApiKey::new(TeamId(team), KeyDigest::of("key"), "sk_live_abcd".to_owned(), "key".to_owned())
        };
        ApiKey::from_new(ApiKeyId(5), new, Timestamp::default())
    }

    #[test]
    fn a_team_lead_reaches_the_keys_of_the_own_team_below_admin() {
        let lead = Actor::lead(ApiKeyId(1), TeamId(7));
        for level in [AccessLevel::User, AccessLevel::TeamLead] {
            assert!(lead.require_over(&key(7, level)).is_ok());
            assert!(lead.require_new_key(TeamId(7), level).is_ok());
        }
        let admin = AccessLevel::Admin;
        assert_eq!(lead.require_over(&key(7, admin)).unwrap_err().kind(), ErrorKind::Forbidden);
        assert_eq!(lead.require_new_key(TeamId(7), admin).unwrap_err().kind(), ErrorKind::Forbidden);
        assert_eq!(lead.require_new_key(TeamId(8), AccessLevel::User).unwrap_err().kind(), ErrorKind::Forbidden);
        assert_eq!(lead.require_over_teams().unwrap_err().kind(), ErrorKind::Forbidden);
    }

    #[test]
    fn another_teams_key_is_not_told_from_one_that_is_not_there() {
        let lead = Actor::lead(ApiKeyId(1), TeamId(7));
        for level in [AccessLevel::User, AccessLevel::Admin] {
            let refused = lead.require_over(&key(8, level)).unwrap_err();
            assert_eq!(
                (refused.kind(), refused.to_string()),
                (ErrorKind::NotFound, no_such_key(ApiKeyId(5)).to_string())
            );
        }
    }

    #[test]
    fn admins_and_the_program_reach_everything() {
        for actor in [Actor::program(), Actor::admin(ApiKeyId(1)).in_request("r1")] {
            assert!(actor.require_over(&key(8, AccessLevel::Admin)).is_ok());
            assert!(actor.require_new_key(TeamId(8), AccessLevel::Admin).is_ok());
            assert!(actor.require_over_teams().is_ok());
        }
    }
}
