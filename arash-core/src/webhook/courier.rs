use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::time::timeout;
use tracing::Instrument;

use crate::clock::{Clock, Timestamp};
use crate::error::{Error, Result};
use crate::metrics;
use crate::seal::Keyring;
use crate::secret::Secret;
use crate::webhook::schedule::verdict;
use crate::webhook::{
    Attempt, ClaimedEvent, Endpoint, Event, NextStep, SecretColumn, SendError, Sent, SignedEvent, WebhookSender,
};

/// When an attempt is given up that the sender has not ended by itself.
pub(super) const LONGEST_ATTEMPT: Duration = Duration::from_secs(20);

/// Makes attempts: signs an event, has it sent, and says what becomes of it.
#[derive(Clone, Debug)]
pub(crate) struct Courier {
    sender: Arc<dyn WebhookSender>,
    keyring: Keyring,
    clock: Arc<dyn Clock>,
}

impl Courier {
    pub(crate) fn new(sender: Arc<dyn WebhookSender>, keyring: Keyring, clock: Arc<dyn Clock>) -> Self {
        Self { sender, keyring, clock }
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

    /// Sends an event at once that is not in the outbox: a test. It is not tried again; who is gone is believed.
    pub(crate) async fn try_once(&self, event: &Event, endpoint: &Endpoint) -> Attempt {
        let (at, begun) = (self.clock.now(), Instant::now());
        let sent = self.send(event, None, endpoint, 1).await;
        let next = if sent.error.is_none() { NextStep::Delivered } else { NextStep::Dead };
        let disable = verdict(1, &sent, None, self.clock.now(), chance()).disable;
        with_outcome(Attempt { disable, ..Attempt::first_of(event, endpoint, at, next) }, sent, begun.elapsed())
    }

    async fn send(&self, event: &Event, session_id: Option<&str>, endpoint: &Endpoint, attempt: u32) -> Sent {
        let (id, team_id, kind, begun) = (event.id, event.team_id, event.kind.as_str(), Instant::now());
        let span = tracing::debug_span!("delivery", event_id = %id, %team_id, kind, attempt);
        let sending = async {
            let now = self.clock.now();
            let secrets = self.secrets(endpoint, now)?;
            let mut signed = SignedEvent::new(event.clone(), endpoint.url.as_str(), &secrets, attempt, now);
            signed.session_id = session_id.map(str::to_owned);
            Ok::<_, Error>(self.sender.send(&signed).await)
        };
        // A sender that panics or hangs costs its attempt.
        let sending = timeout(LONGEST_ATTEMPT, AssertUnwindSafe(sending).catch_unwind()).instrument(span);
        let sent = match sending.await {
            Ok(Ok(Ok(sent))) => sent,
            Ok(Ok(Err(error))) => broken(format!("{error:?}")),
            Ok(Err(_)) => broken("the sender broke".to_owned()),
            Err(_) => Sent::failed(SendError::Timeout),
        };
        metrics::event_sent(sent.error.map_or("delivered", SendError::kind), begun.elapsed());
        if let Some(error) = sent.error {
            let cause = sent.cause.as_deref();
            if error == SendError::Internal {
                tracing::error!(event_id = %id, %team_id, kind, attempt, cause, "a webhook event could not be sent");
            } else {
                tracing::info!(event_id = %id, %team_id, kind, attempt, %error, cause, "a webhook event was not taken");
            }
        }
        sent
    }

    /// What events are signed with at `now`, the newest secret first.
    fn secrets(&self, endpoint: &Endpoint, now: Timestamp) -> Result<Vec<Secret>> {
        let previous = endpoint.previous_secret.as_ref().filter(|(_, end)| now < *end).map(|(sealed, _)| sealed);
        let sealed = [(SecretColumn::Present, Some(&endpoint.secret)), (SecretColumn::Previous, previous)];
        let sealed = sealed.into_iter().filter_map(|(column, sealed)| Some((column, sealed?)));
        sealed.map(|(column, sealed)| self.keyring.open(column.of(endpoint.team_id), sealed)).collect()
    }
}

fn broken(cause: String) -> Sent {
    Sent { cause: Some(cause), ..Sent::failed(SendError::Internal) }
}

fn with_outcome(attempt: Attempt, sent: Sent, response_time: Duration) -> Attempt {
    let Sent { status_code, error, response_excerpt, .. } = sent;
    Attempt { status_code, response_time, error: error.map(|error| error.to_string()), response_excerpt, ..attempt }
}

/// A number from 0 to 1. Without randomness there is no jitter, which does no harm to anybody's security.
fn chance() -> f64 {
    getrandom::u32().map_or(0.0, |number| f64::from(number) / f64::from(u32::MAX))
}
