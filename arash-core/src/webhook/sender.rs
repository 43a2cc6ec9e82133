use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::secret::Secret;
use crate::webhook::Event;
use crate::webhook::signature::{Signed, sign};

/// Sends events to the endpoints of teams. With the feature `webhooks`, `HttpSender` comes with the engine; one of your own
/// may send them anywhere else.
///
/// One call is one attempt: when it is repeated, and what becomes of the endpoint, is not the sender's concern. It ends
/// by itself within a bounded time, about ten seconds; after twenty it is given up.
#[async_trait]
pub trait WebhookSender: fmt::Debug + Send + Sync + 'static {
    /// Makes one attempt to send `event`.
    async fn send(&self, event: &SignedEvent) -> Sent;
}

/// An event on its way, signed for this attempt.
#[derive(Clone)]
#[non_exhaustive]
pub struct SignedEvent {
    /// The event; its payload is the body.
    pub event: Event,
    /// The session it came from, as clients name it.
    pub session_id: Option<String>,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// Where the team wants it.
    pub url: String,
    /// The headers that prove it is ours; they hold for this payload only.
    pub signature: Signed,
}

impl SignedEvent {
    /// Signs `event` with `secrets`, newest first, for an attempt at `at`.
    pub fn new(event: Event, url: impl Into<String>, secrets: &[Secret], attempt: u32, at: Timestamp) -> Self {
        let signature = sign(secrets, &event.id.to_string(), at, event.payload.as_bytes());
        Self { event, session_id: None, attempt, url: url.into(), signature }
    }
}

impl fmt::Debug for SignedEvent {
    /// Without what is said in it, and without the address, which may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Event { id, team_id, kind, .. } = &self.event;
        let mut text = f.debug_struct("SignedEvent");
        text.field("id", id).field("team_id", team_id).field("kind", kind).field("attempt", &self.attempt);
        text.finish_non_exhaustive()
    }
}

/// What came of an attempt.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Sent {
    /// The HTTP status that was answered, if one was.
    pub status_code: Option<u16>,
    /// Why the event was not taken; `None` if it was.
    pub error: Option<SendError>,
    /// How long the endpoint asks to be left alone.
    pub retry_after: Option<Duration>,
    /// The beginning of the answer, safe to be shown.
    pub response_excerpt: Option<String>,
    /// More about the error: for logs, never for tenants.
    pub cause: Option<String>,
}

impl Sent {
    /// The event was taken.
    pub fn delivered() -> Self {
        Self::default()
    }

    /// The event was not taken.
    pub fn failed(error: SendError) -> Self {
        Self { error: Some(error), ..Self::default() }
    }

    /// This HTTP status was answered: the event was taken if it is one of 200 to 299.
    pub fn answered(status_code: u16) -> Self {
        let error = (!(200..300).contains(&status_code)).then_some(SendError::Status(status_code));
        Self { status_code: Some(status_code), error, ..Self::default() }
    }
}

/// Why an event was not taken. Tenants read its text: fixed words, which tell nothing of our network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// Nothing may be sent to this address, or its name leads nowhere.
    #[error("the target is refused")]
    Refused,
    /// Nobody listens, or nobody whose certificate is valid.
    #[error("connection failed")]
    Connection,
    /// The answer did not come in time.
    #[error("timeout")]
    Timeout,
    /// The connection broke, or the answer was not HTTP.
    #[error("no valid answer")]
    Answer,
    /// The answer was no success.
    #[error("status {0}")]
    Status(u16),
    /// A defect on our side.
    #[error("internal error")]
    Internal,
}

impl SendError {
    /// Its kind, as the figures name it.
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Connection => "connection",
            Self::Timeout => "timeout",
            Self::Answer => "answer",
            Self::Status(_) => "status",
            Self::Internal => "internal",
        }
    }
}
