use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::error::Result;
use crate::turn::{Reply, ReplyEvent};

/// What a piece of text takes beside its letters, in bytes.
const ALLOCATION: usize = 32;

/// The answer of one turn: written at the provider's pace, read at the reader's.
///
/// Neither waits for the other, so a slow reader holds up nobody; its size is bounded by the longest answer
/// that the engine takes. Several readers may follow, each from any event on.
#[derive(Default)]
pub(super) struct ReplyBuffer {
    events: Mutex<Vec<ReplyEvent>>,
    /// Whether it is settled that the answer is made, and made here.
    is_open: AtomicBool,
    changed: Notify,
}

impl ReplyBuffer {
    fn lock(&self) -> MutexGuard<'_, Vec<ReplyEvent>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, event: ReplyEvent) {
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
                Some(ReplyEvent::Failed(error)) => return Err(error.clone()),
                Some(ReplyEvent::Done(reply)) => return Ok(Some(Arc::clone(reply))),
                _ => {}
            }
            changed.await;
        }
    }

    /// Tells what nobody was told of `text` yet: all of it where it was not told piece by piece.
    pub(super) fn tell_rest(&self, text: &str) {
        let told: usize = self.lock().iter().map(|event| event.text().map_or(0, str::len)).sum();
        if let Some(rest) = text.get(told..).filter(|rest| !rest.is_empty()) {
            self.push(ReplyEvent::Delta(rest.into()));
        }
    }

    pub(super) fn finish(&self, result: Result<Reply>) {
        self.push(match result {
            Ok(reply) => ReplyEvent::Done(Arc::new(reply)),
            Err(error) => ReplyEvent::Failed(error),
        });
    }

    /// How many events there are so far.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether the last event is there.
    pub(super) fn has_ended(&self) -> bool {
        self.lock().last().is_some_and(ReplyEvent::is_last)
    }

    /// About how much memory it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let bytes = |event: &ReplyEvent| match event {
            ReplyEvent::Done(reply) => reply.text.len() + size_of::<Reply>(),
            event => event.text().map_or(0, |text| text.len() + ALLOCATION),
        };
        let events = self.lock();
        events.capacity() * size_of::<ReplyEvent>() + events.iter().map(bytes).sum::<usize>()
    }

    /// The event at `position`, when it is there; `None` if the answer ended before it.
    pub(super) async fn event(&self, position: usize) -> Option<ReplyEvent> {
        loop {
            // Asked for before looking, so that no change in between is missed.
            let changed = self.changed.notified();
            {
                let events = self.lock();
                if let Some(event) = events.get(position) {
                    return Some(event.clone());
                }
                if events.last().is_some_and(ReplyEvent::is_last) {
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
                Some(ReplyEvent::Done(reply)) => return Ok(reply.as_ref().clone()),
                Some(ReplyEvent::Failed(error)) => return Err(error.clone()),
                _ => {}
            }
            changed.await;
        }
    }
}
