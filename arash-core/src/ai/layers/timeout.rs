use async_trait::async_trait;

use crate::ai::{AiError, AiProvider, ChatReply, ChatRequest, ChatStream, TimeLimits};

/// Ends an answer that takes too long, as a failure of the kind [`Timeout`](crate::ai::AiErrorKind::Timeout).
#[derive(Debug)]
pub struct Timeout<P> {
    provider: P,
    limits: TimeLimits,
}

impl<P> Timeout<P> {
    /// Holds the answers of `provider` to `limits`.
    pub fn new(provider: P, limits: TimeLimits) -> Self {
        Self { provider, limits }
    }
}

#[async_trait]
impl<P: AiProvider> AiProvider for Timeout<P> {
    fn name(&self) -> &str {
        self.provider.name()
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, AiError> {
        self.limits.hold(self.provider.stream(request)).await
    }

    async fn complete(&self, request: ChatRequest) -> Result<ChatReply, AiError> {
        self.limits.hold_whole(self.provider.complete(request)).await
    }
}
