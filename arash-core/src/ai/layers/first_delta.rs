use futures_util::{StreamExt, stream};

use crate::ai::{AiError, AiProvider, ChatRequest, ChatStream};

/// Asks and waits for the first piece of the answer, so that a failure before it is a failure of the question.
pub(super) async fn first_delta(provider: &impl AiProvider, request: ChatRequest) -> Result<ChatStream, AiError> {
    let mut deltas = provider.stream(request).await?;
    match deltas.next().await.transpose()? {
        Some(first) => Ok(Box::pin(stream::iter([Ok(first)]).chain(deltas))),
        None => Ok(deltas),
    }
}
