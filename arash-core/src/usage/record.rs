use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{ApiKeyId, TeamId, TurnId};
use crate::money::Micros;
use crate::platform::ModelId;
use crate::usage::TokenUsage;

/// What kind of work a turn was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TurnKind {
    /// A message that was answered whole.
    Chat,
    /// A command.
    Command,
    /// A message that was answered as a stream.
    Stream,
    /// A stateless completion.
    Completion,
}

impl TurnKind {
    /// Its name in JSON and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Command => "command",
            Self::Stream => "stream",
            Self::Completion => "completion",
        }
    }

    /// The kind that [`TurnKind::as_str`] names.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Chat, Self::Command, Self::Stream, Self::Completion].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What one turn used. There is exactly one for every turn that was admitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRecord {
    /// The turn.
    pub turn_id: TurnId,
    /// The key that was shown; `None` for platform traffic without one.
    pub api_key_id: Option<ApiKeyId>,
    /// The key's team.
    pub team_id: Option<TeamId>,
    /// The session's text key; `None` for a stateless completion.
    pub session_key: Option<String>,
    /// The platform's name.
    pub platform: String,
    /// The model that answered; `None` for a command.
    pub model_used: Option<ModelId>,
    /// What kind of work it was.
    pub kind: TurnKind,
    /// The tokens.
    pub tokens: TokenUsage,
    /// What they cost.
    pub cost: Micros,
    /// Whether there was an answer.
    pub success: bool,
    /// From admission to the end of the answer.
    pub response_time: Duration,
    /// Why there was no answer: the stable code of the error.
    pub error: Option<String>,
    /// When the turn ended.
    pub created_at: Timestamp,
}
