use std::time::Duration;

use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable};

use crate::ai::layers::first_delta::first_delta;
use crate::ai::time_limits::after;
use crate::ai::{AiError, AiProvider, ChatRequest, ChatStream};

/// Most retries of one question.
const MAX_RETRIES: usize = 2;
/// The shortest wait before the first retry, which chance makes up to twice as long; double before the second.
const FIRST_DELAY: Duration = Duration::from_millis(250);
/// Longest wait that a service may ask for and get.
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// When no further attempt begins, counted from the first one.
const GIVE_UP_AFTER: Duration = Duration::from_secs(30);

/// Asks again, at most twice, when a failure [may pass](AiError::is_retryable): the upstream could not be reached, said
/// that there are too many requests (429), or that it cannot answer now (502, 503, 504).
///
/// Before the first piece of an answer only. The waits grow and vary; where the upstream asks for a longer one it gets
/// it, up to a bound, beyond which the failure is told at once, with the wait that was asked for.
#[derive(Debug)]
pub struct Retry<P> {
    provider: P,
    retries: usize,
    longest_delay: Duration,
    give_up_after: Duration,
}

impl<P> Retry<P> {
    /// Asks `provider` again, twice at most.
    pub fn new(provider: P) -> Self {
        Self { provider, retries: MAX_RETRIES, longest_delay: LONGEST_DELAY, give_up_after: GIVE_UP_AFTER }
    }

    /// The same with at most so many retries; more than two are two.
    pub fn retries(mut self, retries: usize) -> Self {
        self.retries = retries.min(MAX_RETRIES);
        self
    }

    /// The same with this as the longest wait that an upstream may ask for; 5 seconds otherwise.
    pub fn longest_delay(mut self, delay: Duration) -> Self {
        self.longest_delay = delay;
        self
    }

    /// The same, beginning no attempt later than this after the first one; 30 seconds otherwise.
    pub fn give_up_after(mut self, time: Duration) -> Self {
        self.give_up_after = time;
        self
    }
}

#[async_trait]
impl<P: AiProvider> AiProvider for Retry<P> {
    fn name(&self) -> &str {
        self.provider.name()
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, AiError> {
        let last_begin = after(self.give_up_after);
        let delays = ExponentialBuilder::default()
            .with_min_delay(FIRST_DELAY)
            .with_max_delay(self.longest_delay)
            .with_max_times(self.retries)
            .with_jitter();
        (|| first_delta(&self.provider, request.clone()))
            .retry(delays)
            .when(AiError::is_retryable)
            .adjust(|failure, delay| {
                let delay = delay?.max(failure.retry_after().unwrap_or_default());
                (delay <= self.longest_delay && after(delay) <= last_begin).then_some(delay)
            })
            .notify(|failure, delay| {
                let delay_ms = delay.as_millis();
                tracing::debug!(upstream = self.provider.name(), delay_ms, error = ?failure, "asking again");
            })
            .await
    }
}
