//! What came of an attempt to deliver an event.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::id::{AttemptId, EventId, TeamId};
use crate::webhook::{ClaimedEvent, Endpoint, Event};

/// An attempt to deliver an event, and what becomes of the event since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its id: written twice, it counts once.
    pub id: AttemptId,
    /// The event.
    pub event_id: EventId,
    /// Whom the event is for.
    pub team_id: TeamId,
    /// [`ClaimedEvent::fence`].
    pub fence: i64,
    /// [`ClaimedEvent::attempt`].
    pub attempt: u32,
    /// [`Endpoint::updated_at`] when the event was claimed: what is learnt of an endpoint tells nothing of one that was
    /// changed since.
    pub endpoint_version: Timestamp,
    /// When it began.
    pub at: Timestamp,
    /// What the endpoint answered; `None` when it did not.
    pub status_code: Option<u16>,
    /// How long it took.
    pub response_time: Duration,
    /// Why it failed, in words that the team may read.
    pub error: Option<String>,
    /// The beginning of what was answered.
    pub response_excerpt: Option<String>,
    /// What becomes of the event.
    pub next: NextStep,
    /// Why the endpoint is switched off, if it is.
    pub disable: Option<String>,
}

/// What becomes of an event after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// It was delivered.
    Delivered,
    /// It failed and is tried again at this moment.
    RetryAt(Timestamp),
    /// It failed and is not tried again, unless somebody asks for it.
    Dead,
    /// It was not sent, such as at shutdown: as if it had never been claimed.
    GiveBack,
}

impl Attempt {
    /// An attempt to deliver `claimed` that began at `at`, without an answer.
    pub fn of(claimed: &ClaimedEvent, at: Timestamp, next: NextStep) -> Self {
        let attempt = Self::first_of(&claimed.event, &claimed.endpoint, at, next);
        Self { fence: claimed.fence, attempt: claimed.attempt, ..attempt }
    }

    /// The first attempt to deliver an event that no node has claimed: a test.
    pub fn first_of(event: &Event, endpoint: &Endpoint, at: Timestamp, next: NextStep) -> Self {
        Self {
            id: AttemptId::new(),
            event_id: event.id,
            team_id: event.team_id,
            fence: 0,
            attempt: 1,
            endpoint_version: endpoint.updated_at,
            at,
            status_code: None,
            response_time: Duration::ZERO,
            error: None,
            response_excerpt: None,
            next,
            disable: None,
        }
    }

    /// Whether it was sent.
    pub fn is_sent(&self) -> bool {
        self.next != NextStep::GiveBack
    }

    /// Whether it succeeded.
    pub fn is_delivered(&self) -> bool {
        self.next == NextStep::Delivered
    }
}
