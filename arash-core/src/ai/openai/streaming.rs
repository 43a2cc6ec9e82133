use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use crate::ai::openai::reading::Reading;
use crate::ai::upstream::{malformed, unreachable};
use crate::ai::{AiError, AiErrorKind, ChatDelta, ChatStream, SseDecoder, SseEvent};

/// Longest event of a stream, in bytes.
const MAX_EVENT_BYTES: usize = 1 << 20;
/// Longest stream, in bytes: a token takes some hundred of them on its way, and much more if a client asks for that.
const MAX_STREAM_BYTES: usize = 64 << 20;
/// How long the count of the tokens is waited for after the end of an answer.
const COUNT_WITHIN: Duration = Duration::from_secs(2);
/// What the last event says.
const DONE: &str = "[DONE]";

/// The pieces of a streamed answer as they come.
pub(super) fn stream(response: Response, reading: Reading) -> ChatStream {
    let streaming = Streaming {
        response,
        reading,
        decoder: SseDecoder::new(MAX_EVENT_BYTES),
        ready: VecDeque::new(),
        bytes: 0,
        failure: None,
        count_by: None,
        is_over: false,
    };
    Box::pin(stream::try_unfold(streaming, |mut streaming| async move {
        Ok(streaming.next().await?.map(|delta| (delta, streaming)))
    }))
}

struct Streaming {
    response: Response,
    reading: Reading,
    decoder: SseDecoder,
    ready: VecDeque<ChatDelta>,
    bytes: usize,
    /// Why it breaks off, as soon as what came before is given out.
    failure: Option<AiError>,
    /// When the stream is over at the latest, as soon as the answer has ended.
    count_by: Option<Instant>,
    is_over: bool,
}

impl Streaming {
    async fn next(&mut self) -> Result<Option<ChatDelta>, AiError> {
        loop {
            if let Some(delta) = self.ready.pop_front() {
                return Ok(Some(delta));
            }
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            if self.is_over {
                return Ok(None);
            }
            self.failure = match self.chunk().await {
                Ok(Some(chunk)) => self.take(&chunk),
                Ok(None) => self.end(),
                Err(fault) => Err(unreachable(fault, AiErrorKind::Malformed)),
            }
            .err();
        }
    }

    /// The next bytes; `None` at the end of the stream. After the end of the answer, nothing that is wrong with the stream
    /// is worth the answer: some services keep it open, or cut it.
    async fn chunk(&mut self) -> reqwest::Result<Option<Bytes>> {
        if !self.reading.is_over() {
            return self.response.chunk().await;
        }
        let end = *self.count_by.get_or_insert_with(|| Instant::now() + COUNT_WITHIN);
        Ok(timeout_at(end, self.response.chunk()).await.ok().and_then(Result::ok).flatten())
    }

    fn take(&mut self, chunk: &[u8]) -> Result<(), AiError> {
        self.bytes += chunk.len();
        if self.bytes > MAX_STREAM_BYTES {
            return Err(malformed(format!("the answer is over {MAX_STREAM_BYTES} bytes")));
        }
        let mut events = Vec::new();
        let fed = self.decoder.feed(chunk, &mut events);
        for event in events {
            self.read(event)?;
            if self.is_over {
                return Ok(());
            }
        }
        fed.map_err(malformed)
    }

    fn read(&mut self, event: SseEvent) -> Result<(), AiError> {
        match event.data.trim() {
            "" => {}
            DONE => {
                self.is_over = true;
                self.ready.extend(self.reading.end());
            }
            _ => self.ready.extend(self.reading.read(event.data)?),
        }
        Ok(())
    }

    /// The body has ended, perhaps without the last event, or without the empty line after it.
    fn end(&mut self) -> Result<(), AiError> {
        let decoder = std::mem::replace(&mut self.decoder, SseDecoder::new(0));
        let last = decoder.finish().map_err(malformed).and_then(|last| last.map_or(Ok(()), |event| self.read(event)));
        if !self.reading.is_over() {
            last?;
        }
        if !self.is_over && !self.reading.has_ended() {
            return Err(malformed("the stream broke off"));
        }
        if !std::mem::replace(&mut self.is_over, true) {
            self.ready.extend(self.reading.end());
        }
        Ok(())
    }
}
