use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::id::{SessionId, TeamId, TurnId};
use crate::message::Message;
use crate::platform::ModelId;
use crate::session::{History, SessionKey};

/// A conversation as a turn works with it: what is remembered, and where the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id in the store.
    pub id: SessionId,
    /// Its name.
    pub key: SessionKey,
    /// The team it belongs to, on a private platform.
    pub team_id: Option<TeamId>,
    /// Who opened it.
    pub user_id: String,
    /// The model that was chosen for it; `None` means the platform's default.
    pub model: Option<ModelId>,
    /// Grows with every commit; a commit that expects another version is refused. 0 while it is not in the store.
    pub version: i64,
    /// The counter of the claim under which it is held, on a store that nodes share; 0 without one.
    pub fence: i64,
    /// The user's messages since it was opened or cleared.
    pub message_count: u64,
    /// All messages since it was opened or cleared.
    pub stored_messages: u64,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it last had a turn.
    pub last_activity_at: Timestamp,
    /// From when on it is forgotten.
    pub expires_at: Timestamp,
    /// Its newest messages.
    pub history: History,
}

impl Session {
    /// The session as lists show it.
    pub fn summary(&self) -> SessionSummary {
        SessionSummary {
            id: self.id,
            key: self.key.clone(),
            team_id: self.team_id,
            user_id: self.user_id.clone(),
            model: self.model.clone(),
            message_count: self.message_count,
            stored_messages: self.stored_messages,
            created_at: self.created_at,
            last_activity_at: self.last_activity_at,
        }
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.key.as_str().len() + self.user_id.len() + self.history.bytes()
    }
}

/// A conversation as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSummary {
    /// Its id in the store.
    pub id: SessionId,
    /// Its name.
    pub key: SessionKey,
    /// The team it belongs to.
    pub team_id: Option<TeamId>,
    /// Who opened it.
    pub user_id: String,
    /// The model that was chosen for it.
    pub model: Option<ModelId>,
    /// The user's messages since it was opened or cleared.
    pub message_count: u64,
    /// All messages since it was opened or cleared.
    pub stored_messages: u64,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it last had a turn.
    pub last_activity_at: Timestamp,
}

/// How many conversations are open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionCounts {
    /// All.
    pub total: u64,
    /// Those with a turn since the moment that was asked for.
    pub active: u64,
    /// All, by platform.
    pub by_platform: BTreeMap<String, u64>,
}

/// The open sessions of one team on one platform for which one model was chosen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionGroup {
    /// The platform's name.
    pub platform: String,
    /// The team; `None` on public platforms, and for the host's own sessions.
    pub team: Option<TeamId>,
    /// The model that was chosen; `None` means the platform's default.
    pub model: Option<ModelId>,
    /// How many sessions.
    pub sessions: u64,
    /// The users' messages in all of them.
    pub messages: u64,
    /// How many of them had a turn since the moment that was asked for.
    pub active: u64,
}

/// A message of a conversation as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its sequence number: later messages of the session have higher ones. There are gaps.
    pub seq: i64,
    /// The turn that it was said in.
    pub turn_id: TurnId,
    /// What was said.
    pub message: Arc<Message>,
}
