use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::event::EventKind;
use crate::id::{EventId, TeamId};

/// An event for a team's webhook. It is committed in the transaction of its cause, or not at all.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its id, the same in every delivery.
    pub id: EventId,
    /// Whom it is for.
    pub team_id: TeamId,
    /// What happened.
    pub kind: EventKind,
    /// The body that is sent: JSON.
    pub payload: String,
}

impl fmt::Debug for Event {
    /// Without its body, which holds what people wrote.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, team_id, kind, payload } = self;
        let size = format_args!("{} bytes", payload.len());
        let mut shown = f.debug_struct("Event");
        shown.field("id", id).field("team_id", team_id).field("kind", kind).field("payload", &size).finish()
    }
}

/// A body: what all begin with, then what the kind has.
#[derive(Serialize)]
struct Payload<B> {
    event: &'static str,
    timestamp: String,
    team_id: TeamId,
    #[serde(flatten)]
    body: B,
}

impl Event {
    /// An event with what its kind has to say.
    pub(super) fn new(kind: EventKind, team_id: TeamId, at: Timestamp, body: impl Serialize) -> Result<Self> {
        let payload = Payload { event: kind.as_str(), timestamp: at.to_rfc3339(), team_id, body };
        let payload = serde_json::to_string(&payload)
            .map_err(|fault| Error::internal("an event could not be written as JSON").with_source(fault))?;
        Ok(Self { id: EventId::new(), team_id, kind, payload })
    }
}
