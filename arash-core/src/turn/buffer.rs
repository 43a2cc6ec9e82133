use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::ai::ChatDelta;
use crate::error::{Error, Result};
use crate::turn::Reply;

/// What a piece of text takes beside its letters, in bytes.
const ALLOCATION: usize = 32;

/// What readers of an answer are told. `Done` or `Failed` comes once, last.
#[derive(Clone)]
pub(super) enum Told {
    /// More text.
    Text(Arc<str>),
    /// Something that is no part of the answer.
    Notice(Arc<str>),
    /// A piece as it came from the provider, of a completion.
    Delta(ChatDelta),
    /// The answer is whole and everything about it is durable.
    Done(Arc<Reply>),
    /// There will be no answer.
    Failed(Error),
}

impl Told {
    /// The text that it tells, if it is a part of the answer.
    fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Whether none comes after it.
    fn is_last(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Failed(_))
    }

    /// About how much memory it takes beside its place, in bytes.
    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) | Self::Notice(text) => text.len() + ALLOCATION,
            // A completion is not kept after its end, which is what this is for.
            Self::Delta(_) | Self::Failed(_) => 0,
            Self::Done(reply) => reply.text.len() + size_of::<Reply>(),
        }
    }
}

/// The answer of one turn: written at the provider's pace, read at the reader's.
///
/// Neither waits for the other, so a slow reader holds up nobody; its size is bounded by the longest answer
/// that the engine takes. Several readers may follow, each from any event on.
#[derive(Default)]
pub(super) struct ReplyBuffer {
    events: Mutex<Vec<Told>>,
    /// Pieces of a completion that may not be told yet.
    gathered: Mutex<Vec<ChatDelta>>,
    /// How many bytes were told of texts before the one that is told now.
    told_before: AtomicUsize,
    /// Whether it is settled that the answer is made, and made here.
    is_open: AtomicBool,
    changed: Notify,
}

impl ReplyBuffer {
    fn lock(&self) -> MutexGuard<'_, Vec<Told>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, event: Told) {
        self.lock().push(event);
        self.changed.notify_waiters();
    }

    /// The answer is made from here on.
    pub(super) fn open(&self) {
        self.is_open.store(true, Ordering::Release);
        self.changed.notify_waiters();
    }

    /// Waits until the answer is made; `Some` if it turns out to have been made before, an error if it came to nothing
    /// before it was begun.
    pub(super) async fn opened(&self) -> Result<Option<Arc<Reply>>> {
        loop {
            let changed = self.changed.notified();
            match self.lock().last() {
                _ if self.is_open.load(Ordering::Acquire) => return Ok(None),
                Some(Told::Failed(error)) => return Err(error.clone()),
                Some(Told::Done(reply)) => return Ok(Some(Arc::clone(reply))),
                _ => {}
            }
            changed.await;
        }
    }

    /// Adds a piece of a completion, to be told by [`ReplyBuffer::tell_gathered`].
    pub(super) fn gather(&self, delta: ChatDelta) {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner).push(delta);
    }

    /// Tells what was gathered.
    pub(super) fn tell_gathered(&self) {
        let gathered = std::mem::take(&mut *self.gathered.lock().unwrap_or_else(PoisonError::into_inner));
        if !gathered.is_empty() {
            self.lock().extend(gathered.into_iter().map(Told::Delta));
            self.changed.notify_waiters();
        }
    }

    /// What is told from here on is another text, of which [`ReplyBuffer::tell_rest`] will know the whole.
    pub(super) fn begin_text(&self) {
        self.told_before.store(self.told_bytes(), Ordering::Relaxed);
    }

    fn told_bytes(&self) -> usize {
        self.lock().iter().map(|event| event.text().map_or(0, str::len)).sum()
    }

    /// Tells what nobody was told of `text` yet: all of it where it was not told piece by piece.
    pub(super) fn tell_rest(&self, text: &str) {
        let told = self.told_bytes() - self.told_before.load(Ordering::Relaxed);
        if let Some(rest) = text.get(told..).filter(|rest| !rest.is_empty()) {
            self.push(Told::Text(rest.into()));
        }
    }

    pub(super) fn finish(&self, result: Result<Reply>) {
        self.push(match result {
            Ok(reply) => Told::Done(Arc::new(reply)),
            Err(error) => Told::Failed(error),
        });
    }

    /// How many events there are so far.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether the last event is there.
    pub(super) fn has_ended(&self) -> bool {
        self.lock().last().is_some_and(Told::is_last)
    }

    /// About how much memory it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let events = self.lock();
        events.capacity() * size_of::<Told>() + events.iter().map(Told::bytes).sum::<usize>()
    }

    /// The event at `position`, when it is there; `None` if the answer ended before it.
    pub(super) async fn event(&self, position: usize) -> Option<Told> {
        loop {
            // Asked for before looking, so that no change in between is missed.
            let changed = self.changed.notified();
            {
                let events = self.lock();
                if let Some(event) = events.get(position) {
                    return Some(event.clone());
                }
                if events.last().is_some_and(Told::is_last) {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// The end of the answer, when it is there.
    pub(super) async fn result(&self) -> Result<Reply> {
        loop {
            let changed = self.changed.notified();
            match self.lock().last() {
                Some(Told::Done(reply)) => return Ok(reply.as_ref().clone()),
                Some(Told::Failed(error)) => return Err(error.clone()),
                _ => {}
            }
            changed.await;
        }
    }
}
