use std::sync::Arc;

use crate::clock::Timestamp;
use crate::id::{ApiKeyId, SessionId, TeamId, TurnId};
use crate::message::Message;
use crate::platform::ModelId;
use crate::quota::QuotaSpend;
use crate::session::SessionKey;
use crate::turn::{IdempotencyKey, RequestDigest, StoredTurn};
use crate::usage::UsageRecord;
use crate::webhook::Event;

/// How a turn stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TurnState {
    /// It is being answered; [`StartedTurn`] tells what is recorded if nobody ends it.
    Started,
    /// It was answered.
    Completed,
    /// It failed.
    Failed,
    /// The engine went down before it ended.
    Interrupted,
    /// It was stopped by its user.
    Stopped,
}

impl TurnState {
    /// Its name in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Stopped => "stopped",
        }
    }

    /// The state that [`TurnState::as_str`] names.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Started, Self::Completed, Self::Failed, Self::Interrupted, Self::Stopped]
            .into_iter()
            .find(|state| state.as_str() == name)
    }
}

/// What a turn changes in its session.
#[derive(Clone, Debug)]
pub struct SessionChange {
    /// The session's id; the id a new one gets.
    pub id: SessionId,
    /// Its name.
    pub key: SessionKey,
    /// Its team.
    pub team_id: Option<TeamId>,
    /// Who opened it.
    pub user_id: String,
    /// The version that the turn worked with; 0 where the session is new. The commit is refused if the
    /// store has another one.
    pub expected_version: i64,
    /// The counter of the claim that the turn worked under, on a store that nodes share; 0 without one. The commit is
    /// refused if somebody claimed the session since, and ends the claim. See [`SharedSessions`](crate::session::SharedSessions).
    pub fence: i64,
    /// Whether all earlier messages go.
    pub clears: bool,
    /// What was said, oldest first; appended.
    pub messages: Vec<Arc<Message>>,
    /// The chosen model after the turn.
    pub model: Option<ModelId>,
    /// The count of the user's messages after the turn.
    pub message_count: u64,
    /// The count of all messages after the turn.
    pub stored_messages: u64,
    /// When the turn ended.
    pub last_activity_at: Timestamp,
    /// From when on the session is forgotten.
    pub expires_at: Timestamp,
}

impl SessionChange {
    /// The version after the turn. Message `n` of the turn (from 0) has the sequence number
    /// `expected_version + 1 + n`, so that version and sequence numbers never fall back.
    pub fn new_version(&self) -> i64 {
        self.expected_version + (self.messages.len() as i64).max(1)
    }

    /// The turn's messages with their sequence numbers.
    pub fn numbered_messages(&self) -> impl Iterator<Item = (i64, &Arc<Message>)> {
        (self.expected_version + 1..).zip(&self.messages)
    }
}

/// A turn that has begun: what is recorded of it if nobody ends it, because the program died.
///
/// Written before the first byte of a streamed answer leaves, and for whatever takes a while, so that nothing
/// that was said or paid for is forgotten.
#[derive(Clone, Debug)]
pub struct StartedTurn {
    /// The turn.
    pub turn_id: TurnId,
    /// The key that a repeated request finds this turn by, and what tells that it is the same request.
    pub idempotency: Option<(IdempotencyKey, RequestDigest)>,
    /// What was used so far, by estimate, as it is recorded if nobody ends the turn.
    pub usage: UsageRecord,
    /// What the team is told if nobody ends the turn.
    pub events: Vec<Event>,
    /// The turn is lost unless this is put off before it comes.
    pub lease_until: Timestamp,
}

/// What became of a [`StartedTurn`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BeginOutcome {
    /// It is durable.
    Begun,
    /// The turn, or a turn with the same idempotency key, was there before; this is that one. Nothing was written.
    Duplicate(StoredTurn),
}

/// All that one turn changes, as one value: it is written whole or not at all.
#[derive(Clone, Debug)]
pub struct TurnCommit {
    /// The turn; a second commit of the same one is [`CommitOutcome::Duplicate`].
    pub turn_id: TurnId,
    /// How it ended.
    pub state: TurnState,
    /// Whether it was written as a [`StartedTurn`] before. Such a turn can be ended once: whoever comes second, the
    /// node that answers it or the one that took it for lost, gets [`CommitOutcome::Duplicate`]. One that the store
    /// does not know was taken for lost and purged since: it is a duplicate in the state
    /// [`Interrupted`](TurnState::Interrupted). A turn that was begun and is committed as if it was not is a duplicate
    /// of itself in the state [`Started`](TurnState::Started).
    pub is_begun: bool,
    /// What makes a repeated request find this turn, if the caller asked for that. A turn that was begun names what it
    /// began with, or nothing.
    pub idempotency: Option<(IdempotencyKey, RequestDigest)>,
    /// The reply as JSON, kept for such a repeated request only. Without one the turn keeps no idempotency key: that
    /// one is free again, also if it was taken when the turn began.
    pub receipt: Option<String>,
    /// What changes in the session; `None` when nothing does.
    pub session: Option<SessionChange>,
    /// What was used.
    pub usage: UsageRecord,
    /// What counts towards quotas.
    pub quota: Vec<QuotaSpend>,
    /// What the team is told.
    pub events: Vec<Event>,
    /// The key whose `last_used_at` becomes the time of the usage record.
    pub touched_key: Option<ApiKeyId>,
}

/// What became of a [`TurnCommit`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommitOutcome {
    /// It is durable.
    Committed,
    /// The turn, or a turn with the same idempotency key, had been committed before; this is that one.
    Duplicate(StoredTurn),
    /// The session has another version than the turn worked with, or was claimed since; nothing was written, and a
    /// turn that was begun goes on.
    Stale,
}
