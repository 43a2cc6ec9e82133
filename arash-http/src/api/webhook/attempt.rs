use arash_core::webhook::{Attempt, Delivery, DeliveryAttempt};
use poem_openapi::Object;

use super::delivery::DeliveryView;
use crate::time::Time;

/// An attempt of the past.
#[derive(Debug, Object)]
#[oai(rename = "DeliveryAttempt")]
struct AttemptView {
    /// Which attempt it was, from 1 on; anew from 1 on after somebody asked for the event again.
    attempt: u32,
    /// When it began.
    at: Time,
    /// What the endpoint answered; null when it did not answer.
    #[oai(nullable)]
    status_code: Option<u16>,
    /// How long it took.
    response_time_ms: u64,
    /// Why it failed; null when it did not.
    #[oai(nullable)]
    error: Option<String>,
    /// The beginning of what was answered; null when nothing was.
    #[oai(nullable)]
    response_excerpt: Option<String>,
}

impl From<DeliveryAttempt> for AttemptView {
    fn from(attempt: DeliveryAttempt) -> Self {
        Self {
            attempt: attempt.attempt,
            at: attempt.at.into(),
            status_code: attempt.status_code,
            response_time_ms: attempt.response_time.as_millis() as u64,
            error: attempt.error,
            response_excerpt: attempt.response_excerpt,
        }
    }
}

/// An event and every attempt to deliver it.
#[derive(Debug, Object)]
pub(crate) struct DeliveryDetails {
    #[oai(flatten)]
    delivery: DeliveryView,
    /// The attempts of the past, the oldest first.
    attempt_log: Vec<AttemptView>,
}

impl From<(Delivery, Vec<DeliveryAttempt>)> for DeliveryDetails {
    fn from((delivery, attempts): (Delivery, Vec<DeliveryAttempt>)) -> Self {
        let attempt_log = attempts.into_iter().map(AttemptView::from).collect();
        Self { delivery: delivery.into(), attempt_log }
    }
}

/// What came of a test.
#[derive(Debug, Object)]
#[oai(rename = "WebhookTest")]
pub(crate) struct TestOutcome {
    /// Whether the endpoint answered with a status of 200 to 299.
    success: bool,
    /// What it answered; null when it did not answer.
    #[oai(nullable)]
    status_code: Option<u16>,
    /// How long it took.
    response_time_ms: u64,
    /// Why it failed; null when it did not.
    #[oai(nullable)]
    error: Option<String>,
}

impl From<Attempt> for TestOutcome {
    fn from(attempt: Attempt) -> Self {
        Self {
            success: attempt.is_delivered(),
            status_code: attempt.status_code,
            response_time_ms: attempt.response_time.as_millis() as u64,
            error: attempt.error,
        }
    }
}
