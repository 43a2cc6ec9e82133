use std::collections::VecDeque;
use std::pin::Pin;

use futures_util::future::FusedFuture;

use crate::ai::ChatDelta;
use crate::turn::begin::Refusal;
use crate::turn::buffer::{ReplyBuffer, Told};

/// After so many pieces of an answer, small ones are put together before they are given out, so that the pieces
/// that are kept of one answer are bounded in number as their text is in length.
const SMALL_PIECES: usize = 4_096;
/// Pieces are put together up to this length, in bytes.
const PIECE_BYTES: usize = 256;
/// What stands between what the model said before it called tools and what it says after.
const BREAK: &str = "\n\n";

/// What readers are to be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// The text as it is written, and what goes on meanwhile.
    Reader,
    /// Every piece as it came from the provider.
    Client,
    /// Nobody, before the end.
    Nobody,
}

/// The pieces of an answer on their way to its readers. They wait until they may be told, which is when `opening` is
/// done, each for itself; where there are very many, small ones are put together.
pub(super) struct Telling<'a, F> {
    buffer: &'a ReplyBuffer,
    audience: Audience,
    opening: Pin<&'a mut F>,
    is_open: bool,
    given: usize,
    waiting: VecDeque<String>,
    /// Whether what comes next is said after tools were called.
    is_resumed: bool,
}

impl<'a, F: FusedFuture<Output = Result<(), Refusal>>> Telling<'a, F> {
    pub(super) fn new(buffer: &'a ReplyBuffer, audience: Audience, opening: Pin<&'a mut F>) -> Self {
        Self { buffer, audience, opening, is_open: false, given: 0, waiting: VecDeque::new(), is_resumed: false }
    }

    /// Does `work`, and meanwhile what has to be done before anything may be told.
    pub(super) async fn beside<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Refusal> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                opened = &mut self.opening => {
                    opened?;
                    self.open();
                }
                done = &mut work => return Ok(done),
            }
        }
    }

    /// Waits until what has come may be told, if anybody is to be told of it.
    pub(super) async fn opened(&mut self) -> Result<(), Refusal> {
        if self.audience != Audience::Nobody && !self.opening.is_terminated() {
            self.opening.as_mut().await?;
            self.open();
        }
        self.flush();
        Ok(())
    }

    fn open(&mut self) {
        self.is_open = true;
        self.flush();
    }

    /// A piece of the answer has come.
    pub(super) fn push(&mut self, delta: &ChatDelta) {
        match (self.audience, delta) {
            (Audience::Reader, ChatDelta::Text(text)) if !text.is_empty() => self.push_text(text),
            (Audience::Client, ChatDelta::Unsaid(_)) => {}
            (Audience::Client, delta) => {
                self.buffer.gather(delta.clone());
                self.flush();
            }
            _ => {}
        }
    }

    fn push_text(&mut self, text: &str) {
        if std::mem::take(&mut self.is_resumed) {
            if self.given > 0 {
                self.buffer.push(Told::Text(BREAK.into()));
            }
            // From here on it is another text.
            self.buffer.begin_text();
        }
        let are_many = self.given + self.waiting.len() >= SMALL_PIECES;
        match self.waiting.back_mut() {
            Some(last) if are_many && last.len() < PIECE_BYTES => last.push_str(text),
            _ => self.waiting.push_back(text.to_owned()),
        }
        if !are_many || self.waiting.back().is_some_and(|last| last.len() >= PIECE_BYTES) {
            self.flush();
        }
    }

    /// The model has called tools; what was said so far is told, and `notices` of what happens now.
    pub(super) fn pause(&mut self, notices: impl IntoIterator<Item = String>) {
        self.flush();
        self.is_resumed = true;
        if self.audience == Audience::Reader && self.is_open {
            for notice in notices {
                self.buffer.push(Told::Notice(notice.into()));
            }
        }
    }

    /// Tells what is waiting to be told.
    pub(super) fn flush(&mut self) {
        if !self.is_open {
            return;
        }
        self.buffer.tell_gathered();
        for piece in self.waiting.drain(..) {
            self.buffer.push(Told::Text(piece.into()));
            self.given += 1;
        }
    }
}
