use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// What a key may do; each level may do all that the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessLevel {
    /// Chats, and sees its team's sessions and its own usage.
    User,
    /// Also manages its own team: keys up to this level, webhook, usage.
    TeamLead,
    /// Manages everything.
    Admin,
}

impl AccessLevel {
    /// Its name in JSON and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::TeamLead => "team_lead",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for AccessLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AccessLevel {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        [Self::User, Self::TeamLead, Self::Admin]
            .into_iter()
            .find(|level| level.as_str() == name)
            .ok_or_else(|| Error::invalid("access_level", format!("{name:?} is none of user, team_lead and admin")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_ordered_and_named() {
        assert!(AccessLevel::User < AccessLevel::TeamLead && AccessLevel::TeamLead < AccessLevel::Admin);
        for level in [AccessLevel::User, AccessLevel::TeamLead, AccessLevel::Admin] {
            assert_eq!(level.to_string().parse::<AccessLevel>().unwrap(), level);
        }
        assert!("root".parse::<AccessLevel>().is_err());
    }
}
