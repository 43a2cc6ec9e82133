use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures_core::Stream;
use futures_util::StreamExt;

use crate::ai::{AiError, ChatDelta, ChatReply, ChatRequest};

/// An answer as it is written. Dropping it stops the provider.
pub type ChatStream = Pin<Box<dyn Stream<Item = Result<ChatDelta, AiError>> + Send>>;

/// Something that answers messages: a service, a model in this process, a layer around another provider.
///
/// ```
/// use arash_core::ai::{AiError, AiProvider, ChatDelta, ChatRequest, ChatStream};
///
/// #[derive(Debug)]
/// struct Echo;
///
/// #[async_trait::async_trait]
/// impl AiProvider for Echo {
///     fn name(&self) -> &str {
///         "echo"
///     }
///
///     async fn stream(&self, request: ChatRequest) -> Result<ChatStream, AiError> {
///         let text = request.newest().map(|message| message.text.to_string()).unwrap_or_default();
///         Ok(Box::pin(futures_util::stream::iter([Ok(ChatDelta::Text(text))])))
///     }
/// }
/// ```
#[async_trait]
pub trait AiProvider: fmt::Debug + Send + Sync + 'static {
    /// Its name in logs and settings.
    fn name(&self) -> &str;

    /// Begins to answer. An error here means that nothing was answered yet.
    ///
    /// # Errors
    /// [`AiError`] when the provider cannot be reached, refuses, or answers something unusable.
    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, AiError>;

    /// Answers whole; by default what [`stream`](AiProvider::stream) gives, put together.
    ///
    /// # Errors
    /// As [`stream`](AiProvider::stream), also when it breaks off.
    async fn complete(&self, request: ChatRequest) -> Result<ChatReply, AiError> {
        let (mut stream, mut reply) = (self.stream(request).await?, ChatReply::default());
        while let Some(delta) = stream.next().await {
            reply.push(delta?);
        }
        Ok(reply)
    }
}

#[async_trait]
impl<P: AiProvider + ?Sized> AiProvider for Arc<P> {
    fn name(&self) -> &str {
        (**self).name()
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, AiError> {
        (**self).stream(request).await
    }

    async fn complete(&self, request: ChatRequest) -> Result<ChatReply, AiError> {
        (**self).complete(request).await
    }
}
