//! Answers that are read, and what is recorded of them.

use std::time::Duration;

use arash_core::usage::{UsageFilter, UsagePage, UsageRecord};
use arash_core::{Reply, ReplyEvent, ReplyStream, Result};

use crate::stores::TestStore;

/// Whatever happens, it happens soon.
pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work).await.unwrap()
}

/// Everything that is recorded.
pub(crate) async fn records(store: &TestStore) -> Vec<UsageRecord> {
    store.store.usage_records(UsageFilter::default(), UsagePage { before: None, limit: 10_000 }).await.unwrap()
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
