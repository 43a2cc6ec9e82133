//! Answers of server-sent events, which are written as they come.

use std::io;
use std::time::Duration;

use arash_core::id::TurnId;
use futures_util::{FutureExt, stream};
use poem::http::header;
use poem::{Body, Response, ResponseBuilder};
use poem_openapi::registry::MetaHeader;
use poem_openapi::types::Type;

/// The media type.
pub(crate) const CONTENT_TYPE: &str = "text/event-stream";
/// Events that are there at once are written together, up to about so many bytes.
const CHUNK_BYTES: usize = 16 << 10;
const KEEP_ALIVE: &str = ": keep-alive\n\n";

/// The events of an answer, in order.
pub(crate) trait Events: Send + 'static {
    /// Waits for the next event and writes it at the end of `chunk`; `false` after the last one. Safe to cancel: then
    /// nothing was written, and nothing is lost.
    fn write_next(&mut self, chunk: &mut String) -> impl Future<Output = bool> + Send;
}

/// The answer of a turn that is made of these events, with a comment after each silence of `keep_alive`.
pub(crate) fn answer(turn_id: TurnId, is_replayed: bool, keep_alive: Duration, events: impl Events) -> Response {
    let head = named(turn_id, is_replayed)
        .content_type(CONTENT_TYPE)
        .header(header::CACHE_CONTROL, "no-store")
        // nginx would gather events until its buffer is full.
        .header("X-Accel-Buffering", "no");
    let chunks = stream::unfold(events, move |mut events| async move {
        let chunk = next_chunk(&mut events, keep_alive).await?;
        Some((Ok::<_, io::Error>(chunk), events))
    });
    head.body(Body::from_bytes_stream(chunks))
}

/// The head of the answer of a turn; `is_replayed` if it is that of an earlier request.
pub(crate) fn named(turn_id: TurnId, is_replayed: bool) -> ResponseBuilder {
    let head = Response::builder().header("X-Turn-Id", turn_id.to_string());
    if is_replayed { head.header("Idempotency-Replayed", "true") } else { head }
}

/// What is to be written next; `None` after the last event.
async fn next_chunk(events: &mut impl Events, keep_alive: Duration) -> Option<String> {
    let mut chunk = String::new();
    match tokio::time::timeout(keep_alive, events.write_next(&mut chunk)).await {
        Ok(true) => {}
        Ok(false) => return None,
        Err(_) => return Some(KEEP_ALIVE.to_owned()),
    }
    while chunk.len() < CHUNK_BYTES && events.write_next(&mut chunk).now_or_never() == Some(true) {}
    Some(chunk)
}

/// The headers of such a head.
pub(crate) fn headers() -> Vec<MetaHeader> {
    vec![
        header_of("X-Turn-Id", "The turn's id.", true),
        header_of(
            "Idempotency-Replayed",
            "`true` when this is the result of an earlier request with the same `Idempotency-Key`.",
            false,
        ),
    ]
}

fn header_of(name: &str, description: &str, required: bool) -> MetaHeader {
    let description = Some(description.to_owned());
    MetaHeader { name: name.to_owned(), description, required, deprecated: false, schema: String::schema_ref() }
}
