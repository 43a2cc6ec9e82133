use std::fmt;

use crate::id::{ApiKeyId, TeamId};

/// Whose use is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuotaScope {
    /// All keys of a team together.
    Team(TeamId),
    /// One key.
    Key(ApiKeyId),
}

impl fmt::Display for QuotaScope {
    /// Its form in the store: `team:7`, `key:12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Team(id) => write!(f, "team:{id}"),
            Self::Key(id) => write!(f, "key:{id}"),
        }
    }
}
