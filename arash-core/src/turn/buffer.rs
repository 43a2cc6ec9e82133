use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::error::{Error, Result};
use crate::turn::{Reply, ReplyEvent};

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

    /// Waits until the answer is made, or was made before; an error if it came to nothing before it was begun.
    pub(super) async fn opened(&self) -> Result<()> {
        loop {
            let changed = self.changed.notified();
            match self.lock().first() {
                _ if self.is_open.load(Ordering::Acquire) => return Ok(()),
                Some(ReplyEvent::Failed(error)) => return Err(error.clone()),
                Some(_) => return Ok(()),
                None => {}
            }
            changed.await;
        }
    }

    pub(super) fn finish(&self, result: Result<Reply>) {
        self.push(match result {
            Ok(reply) => ReplyEvent::Done(Arc::new(reply)),
            Err(error) => ReplyEvent::Failed(error),
        });
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
                if events.last().is_some_and(is_last) {
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

fn is_last(event: &ReplyEvent) -> bool {
    matches!(event, ReplyEvent::Done(_) | ReplyEvent::Failed(_))
}

/// Ends the answer if the turn goes away without ending it, so that no reader waits for ever.
pub(super) struct FinishGuard(pub(super) Arc<ReplyBuffer>);

impl Drop for FinishGuard {
    fn drop(&mut self) {
        if !self.0.lock().last().is_some_and(is_last) {
            self.0.finish(Err(Error::internal("the turn ended without a result")));
        }
    }
}
