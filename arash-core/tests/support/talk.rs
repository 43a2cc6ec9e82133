//! What is said and heard of an answer while it is made.

use std::time::Duration;

use arash_core::{IncomingMessage, ReplyEvent, ReplyStream};

use crate::answers::soon;

/// Waits for what the engine does by itself.
pub(crate) async fn until<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) {
    soon(async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

/// A message of the host program itself.
pub(crate) fn said(text: &str) -> IncomingMessage {
    IncomingMessage::text("internal", "user", "chat", text)
}

/// The next piece of text.
pub(crate) async fn piece(stream: &mut ReplyStream) -> String {
    match soon(stream.next()).await {
        Some(ReplyEvent::Delta(text)) => text.to_string(),
        other => unreachable!("a piece comes, not {other:?}"),
    }
}
