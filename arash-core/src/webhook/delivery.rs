//! The delivery log: what became of a team's events.

use std::time::Duration;

use serde_json::json;

use crate::clock::Timestamp;
use crate::event::EventKind;
use crate::id::{AttemptId, EventId, TeamId};
use crate::team::{AuditEntry, ChangeContext};

/// How the delivery of an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// It is to be sent, or sent again.
    Pending,
    /// The endpoint has it.
    Delivered,
    /// It is not sent again unless somebody asks for it.
    Dead,
}

impl DeliveryState {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Dead];

    /// Its name in JSON and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// The state that [`DeliveryState::as_str`] names.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// An event and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The event, which is the `webhook-id` too.
    pub event_id: EventId,
    /// Whom it is for.
    pub team_id: TeamId,
    /// What happened.
    pub kind: EventKind,
    /// The session that it tells of.
    pub session_id: Option<String>,
    /// How it stands.
    pub state: DeliveryState,
    /// How many attempts there were, the one that is on its way included, since it was last asked for.
    pub attempts: u32,
    /// What the endpoint answered last; `None` when it did not.
    pub status_code: Option<u16>,
    /// How long the last attempt took; `None` before the first one.
    pub response_time: Option<Duration>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When the next attempt is due; `None` when there is none to come.
    pub next_attempt_at: Option<Timestamp>,
    /// When it happened.
    pub created_at: Timestamp,
    /// When it was delivered.
    pub delivered_at: Option<Timestamp>,
}

/// An attempt of the past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryAttempt {
    /// Its id.
    pub id: AttemptId,
    /// Which attempt it was, from 1 on; anew from 1 on after somebody asked for the event again.
    pub attempt: u32,
    /// When it began.
    pub at: Timestamp,
    /// What the endpoint answered; `None` when it did not.
    pub status_code: Option<u16>,
    /// How long it took.
    pub response_time: Duration,
    /// Why it failed.
    pub error: Option<String>,
    /// The beginning of what was answered.
    pub response_excerpt: Option<String>,
}

/// A page of the delivery log, newest first: at most `limit` events from before `before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryPage {
    /// Only those in this state.
    pub state: Option<DeliveryState>,
    /// When the last event of the page before happened, and its id; `None` for the first page.
    pub before: Option<(Timestamp, EventId)>,
    /// Most events.
    pub limit: u32,
}

impl DeliveryPage {
    /// The newest `limit` events in any state.
    pub const fn first(limit: u32) -> Self {
        Self { state: None, before: None, limit }
    }
}

/// What is to be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redelivery {
    /// One event, however it stands.
    One(EventId),
    /// The events that happened between two moments, both included, and wait for nothing any more: the oldest
    /// [`MAX_REDELIVERED`] of them.
    Range {
        /// The first moment.
        from: Timestamp,
        /// The last moment.
        to: Timestamp,
        /// Only what was never delivered.
        only_dead: bool,
    },
}

/// Most events of a range that are sent again at once.
pub const MAX_REDELIVERED: u32 = 1_000;

impl AuditEntry {
    /// `count` events of `team` are sent again.
    pub fn redelivered(team: TeamId, which: Redelivery, count: u64, by: &ChangeContext) -> Self {
        let asked = match which {
            Redelivery::One(id) => vec![("event_id", json!(id))],
            Redelivery::Range { from, to, only_dead } => vec![
                ("from", json!(from.to_rfc3339())),
                ("to", json!(to.to_rfc3339())),
                ("only_dead", json!(only_dead)),
                ("events", json!(count)),
            ],
        };
        let asked = asked.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self::told("webhook", "redelivered", team, asked, by)
    }
}
