use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::ai::{AiError, AiErrorKind, AiProvider, ChatReply, ChatRequest, ChatStream};

/// How long a question waits for a place.
const WAIT: Duration = Duration::from_secs(10);
/// When a question that found no place may try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Lets only so many questions be answered at once. The others wait in the order in which they came, for a bounded time;
/// then they fail with the kind [`Unavailable`](AiErrorKind::Unavailable).
///
/// To limit each model, give each a layer of its own.
#[derive(Debug)]
pub struct ConcurrencyLimit<P> {
    provider: P,
    places: Arc<Semaphore>,
    wait: Duration,
}

impl<P> ConcurrencyLimit<P> {
    /// Asks `provider` at most `limit` questions at once, at least one.
    pub fn new(provider: P, limit: usize) -> Self {
        let places = Arc::new(Semaphore::new(limit.clamp(1, Semaphore::MAX_PERMITS)));
        Self { provider, places, wait: WAIT }
    }

    /// The same with this as the longest wait for a place; 10 seconds otherwise.
    pub fn longest_wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, AiError> {
        let place = timeout(self.wait, Arc::clone(&self.places).acquire_owned()).await;
        let unavailable = || AiError::new(AiErrorKind::Unavailable).with_retry_after(RETRY_AFTER);
        place
            .map_err(|_| unavailable().with_source("too many questions at once"))?
            .map_err(|closed| unavailable().with_source(closed))
    }
}

#[async_trait]
impl<P: AiProvider> AiProvider for ConcurrencyLimit<P> {
    fn name(&self) -> &str {
        self.provider.name()
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, AiError> {
        let place = self.place().await?;
        let deltas = self.provider.stream(request).await?;
        // The place is kept until the answer ends or is dropped.
        Ok(Box::pin(deltas.map(move |delta| {
            let _place = &place;
            delta
        })))
    }

    async fn complete(&self, request: ChatRequest) -> Result<ChatReply, AiError> {
        let _place = self.place().await?;
        self.provider.complete(request).await
    }
}
