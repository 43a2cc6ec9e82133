//! Answers that are read, and what is recorded of them.

use std::time::Duration;

use arash_core::usage::{UsageFilter, UsagePage, UsageRecord};
use arash_core::{IncomingMessage, Reply, ReplyEvent, ReplyStream, Result};

use crate::stores::TestStore;

/// Whatever happens, it happens soon.
pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work).await.unwrap()
}

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

/// Everything that is recorded.
pub(crate) async fn records(store: &TestStore) -> Vec<UsageRecord> {
    store.store.usage_records(UsageFilter::default(), UsagePage { before: None, limit: 10_000 }).await.unwrap()
}

/// The next piece of text.
pub(crate) async fn piece(stream: &mut ReplyStream) -> String {
    match soon(stream.next()).await {
        Some(ReplyEvent::Delta(text)) => text.to_string(),
        other => unreachable!("a piece comes, not {other:?}"),
    }
}

/// Reads on to the end: the pieces, each with its position, and the result.
pub(crate) async fn read(mut stream: ReplyStream) -> (Vec<(usize, String)>, Result<Reply>) {
    let mut pieces = Vec::new();
    while let Some(event) = soon(stream.next()).await {
        match event {
            ReplyEvent::Delta(text) => pieces.push((stream.position().unwrap(), text.to_string())),
            ReplyEvent::Done(reply) => return (pieces, Ok(reply.as_ref().clone())),
            ReplyEvent::Failed(error) => return (pieces, Err(error)),
            other => unreachable!("{other:?}"),
        }
    }
    unreachable!("a stream ends with its result");
}

/// The text of these pieces.
pub(crate) fn text(pieces: &[(usize, String)]) -> String {
    pieces.iter().map(|(_, piece)| piece.as_str()).collect()
}
