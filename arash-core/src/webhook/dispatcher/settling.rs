use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::webhook::{Attempt, OutboxStore};

/// How long results are gathered, so that one transaction writes many.
const GATHER: Duration = Duration::from_millis(50);
/// Most results that are written in one transaction.
const MAX_BATCH: usize = 256;
/// Most results that may wait to be written before no more events are claimed.
const MAX_WAITING: usize = 2_048;
/// Pauses between attempts to write while storage is away.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What came of attempts, until it is written. What cannot be written is forgotten when the program ends: its events are
/// sent again after their lease, with the same id.
pub(super) struct Settling {
    store: Arc<dyn OutboxStore>,
    waiting: Vec<Attempt>,
    writing: Option<BoxFuture<'static, Vec<Attempt>>>,
    /// From when on the next batch may be written.
    due: Instant,
    pause: Duration,
}

impl Settling {
    pub(super) fn new(store: Arc<dyn OutboxStore>) -> Self {
        Self { store, waiting: Vec::new(), writing: None, due: Instant::now(), pause: FIRST_PAUSE }
    }

    pub(super) fn add(&mut self, attempt: Attempt) {
        if self.waiting.is_empty() {
            self.due = self.due.max(Instant::now() + GATHER);
        }
        self.waiting.push(attempt);
    }

    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < MAX_WAITING
    }

    pub(super) fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.writing.is_none()
    }

    /// Writes nothing more for a moment, but at once: the program ends.
    pub(super) fn hurry(&mut self) {
        self.due = Instant::now();
    }

    /// Returns when a batch was written, or tried to be; whether it was. Waits for ever while there is nothing to write.
    /// May be dropped at any time.
    pub(super) async fn step(&mut self) -> bool {
        if self.writing.is_none() {
            if self.waiting.is_empty() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep_until(self.due).await;
            let batch = self.waiting.drain(..self.waiting.len().min(MAX_BATCH)).collect();
            self.writing = Some(Box::pin(write(Arc::clone(&self.store), batch)));
        }
        let Some(writing) = &mut self.writing else { return false };
        let left = writing.await;
        self.writing = None;
        let is_written = left.is_empty();
        if is_written {
            self.pause = FIRST_PAUSE;
        } else {
            self.due = Instant::now() + self.pause;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        self.waiting.splice(..0, left);
        is_written
    }
}

/// Writes a batch; returns what is to be tried again because storage is away.
async fn write(store: Arc<dyn OutboxStore>, mut batch: Vec<Attempt>) -> Vec<Attempt> {
    let fault = match settle(&*store, &batch).await {
        Ok(()) => return Vec::new(),
        Err(fault) => fault,
    };
    if fault.kind() == ErrorKind::Unavailable {
        tracing::warn!(error = ?fault, attempts = batch.len(), "what came of webhook events cannot be written; it is tried again");
        return batch;
    }
    // One of them spoils the batch; it costs itself alone.
    while let Some(attempt) = batch.pop() {
        match settle(&*store, std::slice::from_ref(&attempt)).await {
            Ok(()) => {}
            Err(fault) if fault.kind() == ErrorKind::Unavailable => {
                batch.push(attempt);
                break;
            }
            Err(fault) => {
                tracing::error!(error = ?fault, event_id = %attempt.event_id, "what came of a webhook event cannot be written");
            }
        }
    }
    batch
}

async fn settle(store: &dyn OutboxStore, attempts: &[Attempt]) -> Result<()> {
    let settled = AssertUnwindSafe(store.settle_attempts(attempts)).catch_unwind().await;
    settled.unwrap_or_else(|_| Err(Error::internal("the store broke")))
}
