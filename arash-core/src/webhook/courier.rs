use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tracing::Instrument;

use crate::clock::{Clock, Timestamp};
use crate::error::Result;
use crate::metrics;
use crate::secret::Secret;
use crate::webhook::schedule::verdict;
use crate::webhook::{Attempt, ClaimedEvent, Endpoint, Event, NextStep, SendError, Sent, SignedEvent, WebhookSender};

/// When an attempt is given up that the sender has not ended by itself.
pub(super) const LONGEST_ATTEMPT: Duration = Duration::from_secs(20);

/// Opens the secrets of endpoints.
pub trait SecretOpener: fmt::Debug + Send + Sync + 'static {
    /// The secrets that events for `endpoint` are signed with at `now`, the newest first; at least one.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) when one cannot be opened.
    fn secrets(&self, endpoint: &Endpoint, now: Timestamp) -> Result<Vec<Secret>>;
}

/// Makes attempts: signs an event, has it sent, and says what becomes of it.
#[derive(Clone, Debug)]
pub(crate) struct Courier {
    sender: Arc<dyn WebhookSender>,
    secrets: Arc<dyn SecretOpener>,
    clock: Arc<dyn Clock>,
}

impl Courier {
    pub(crate) fn new(sender: Arc<dyn WebhookSender>, secrets: Arc<dyn SecretOpener>, clock: Arc<dyn Clock>) -> Self {
        Self { sender, secrets, clock }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Tries to deliver an event that this node has claimed.
    pub(super) async fn deliver(&self, claimed: &ClaimedEvent) -> Attempt {
        let ClaimedEvent { event, session_id, attempt, endpoint, .. } = claimed;
        let (at, begun) = (self.clock.now(), Instant::now());
        let sent = self.send(event, session_id.as_deref(), endpoint, *attempt).await;
        let verdict = verdict(*attempt, &sent, endpoint.failing_since, self.clock.now(), chance());
        if let Some(reason) = &verdict.disable {
            tracing::warn!(team_id = %event.team_id, reason, "a webhook endpoint is switched off");
        }
        let told = Attempt { disable: verdict.disable, ..Attempt::of(claimed, at, verdict.next) };
        with_outcome(told, sent, begun.elapsed())
    }

    /// Sends an event at once that is not in the outbox: a test. It is not tried again.
    pub(crate) async fn try_once(&self, event: &Event, endpoint: &Endpoint) -> Attempt {
        let (at, begun) = (self.clock.now(), Instant::now());
        let sent = self.send(event, None, endpoint, 1).await;
        let next = if sent.error.is_none() { NextStep::Delivered } else { NextStep::Dead };
        with_outcome(Attempt::first_of(event, endpoint, at, next), sent, begun.elapsed())
    }

    async fn send(&self, event: &Event, session_id: Option<&str>, endpoint: &Endpoint, attempt: u32) -> Sent {
        let (id, team_id, kind, begun) = (event.id, event.team_id, event.kind.as_str(), Instant::now());
        let now = self.clock.now();
        let secrets = match self.secrets.secrets(endpoint, now) {
            Ok(secrets) => secrets,
            Err(error) => {
                tracing::error!(error = ?error, %team_id, "the secret of a webhook endpoint cannot be opened");
                return Sent::failed(SendError::Internal);
            }
        };
        let mut signed = SignedEvent::new(event.clone(), endpoint.url.as_str(), &secrets, attempt, now);
        signed.session_id = session_id.map(str::to_owned);
        let span = tracing::debug_span!("delivery", event_id = %id, %team_id, kind, attempt);
        // A sender that panics or hangs costs its attempt.
        let sending = AssertUnwindSafe(self.sender.send(&signed)).catch_unwind().instrument(span);
        let sent = match tokio::time::timeout(LONGEST_ATTEMPT, sending).await {
            Ok(Ok(sent)) => sent,
            Ok(Err(_)) => Sent { cause: Some("the sender broke".to_owned()), ..Sent::failed(SendError::Internal) },
            Err(_) => Sent::failed(SendError::Timeout),
        };
        metrics::event_sent(sent.error.map_or("delivered", SendError::kind), begun.elapsed());
        if let Some(error) = sent.error {
            let cause = sent.cause.as_deref();
            tracing::info!(event_id = %id, %team_id, kind, attempt, %error, cause, "a webhook event was not taken");
        }
        sent
    }
}

fn with_outcome(attempt: Attempt, sent: Sent, response_time: Duration) -> Attempt {
    let Sent { status_code, error, response_excerpt, .. } = sent;
    Attempt { status_code, response_time, error: error.map(|error| error.to_string()), response_excerpt, ..attempt }
}

/// A number from 0 to 1. Without randomness there is no jitter, which does no harm to anybody's security.
fn chance() -> f64 {
    getrandom::u32().map_or(0.0, |number| f64::from(number) / f64::from(u32::MAX))
}
