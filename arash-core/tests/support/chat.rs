//! Questions for providers, and answers of an OpenAI-compatible service.

use std::sync::Arc;
use std::time::Duration;

use arash_core::ai::{AiError, AiProvider, ChatDelta, ChatReply, ChatRequest, OpenAi};
use arash_core::clock::Timestamp;
use arash_core::message::{Message, Role};
use arash_core::secret::Secret;
use futures_util::StreamExt;

use crate::upstream::{Play, Upstream};

pub(crate) const KEY: &str = "canary-key";

pub(crate) fn ask(text: &str) -> ChatRequest {
    let message = Message::new(Role::User, text, Timestamp::from_millis(0));
    ChatRequest::new("m-1".into(), vec![Arc::new(message)])
}

pub(crate) fn http(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let length = body.as_ref().len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n");
    [head.as_bytes(), body.as_ref()].concat()
}

pub(crate) fn whole(body: impl AsRef<[u8]>) -> Play {
    Play::Answer(http("200 OK", "content-type: application/json\r\n", body))
}

pub(crate) const STREAM: &str = "content-type: text/event-stream\r\n";

/// A stream of these events, as they are.
pub(crate) fn streamed(body: impl AsRef<[u8]>) -> Play {
    Play::Answer(http("200 OK", STREAM, body))
}

/// Events with these data, and the end.
pub(crate) fn events(data: &[&str]) -> String {
    let events = data.iter().chain(&["[DONE]"]).map(|data| format!("data: {data}\n\n"));
    events.collect()
}

pub(crate) fn client(upstream: &Upstream) -> OpenAi {
    let client = OpenAi::new(&upstream.url()).unwrap().with_timeout(Duration::from_secs(5));
    client.with_api_key(Secret::new(KEY)).unwrap()
}

/// What came before the end, and the failure if that was one; nobody must be told what only logs may hold.
pub(crate) async fn pieces(client: &OpenAi, request: ChatRequest) -> (Vec<ChatDelta>, Option<AiError>) {
    let mut found = Vec::new();
    let mut deltas = match client.stream(request).await {
        Ok(deltas) => deltas,
        Err(failure) => return (found, Some(checked(client, failure))),
    };
    while let Some(delta) = deltas.next().await {
        match delta {
            Ok(delta) => found.push(delta),
            Err(failure) => {
                let failure = checked(client, failure);
                assert!(deltas.next().await.is_none(), "nothing comes after a failure");
                return (found, Some(failure));
            }
        }
    }
    (found, None)
}

pub(crate) fn checked(client: &OpenAi, failure: AiError) -> AiError {
    let shown = format!("{failure} {} {client:?}", arash_core::Error::from(failure.clone()));
    assert!(!shown.contains("canary") && !shown.contains("127.0.0.1"), "{shown}");
    let logged = format!("{failure:?}");
    assert!(!logged.contains("canary"), "{logged}");
    failure
}

/// The whole answer that the pieces make.
pub(crate) fn reply(deltas: Vec<ChatDelta>) -> ChatReply {
    let mut reply = ChatReply::default();
    for delta in deltas {
        reply.push(delta);
    }
    reply
}
