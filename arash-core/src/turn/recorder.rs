use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, mpsc};
use tokio_util::task::TaskTracker;

use crate::error::{Error, Result};
use crate::turn::door::Door;
use crate::turn::writer::{Entry, Waiting, Writer};
use crate::turn::{BeginOutcome, CommitOutcome, StartedTurn, TurnCommit, TurnStore};
use crate::webhook::EventFeed;

/// How the recorder works.
#[derive(Clone, Copy, Debug)]
pub struct RecorderSettings {
    /// Most turns that may be running or waiting to be written; further ones are refused at the door.
    pub max_turns: usize,
    /// Most turns that are written in one transaction.
    pub max_batch: usize,
}

impl Default for RecorderSettings {
    fn default() -> Self {
        Self { max_turns: 4_096, max_batch: 256 }
    }
}

/// Writes turns, both as they begin and as they end. One task writes what has come in since its last transaction as
/// one transaction, so that the cost of making it durable is shared by all that wait for it. Cheap to clone.
///
/// While storage is away, what waits is tried again for some seconds and nobody is let in, so that every caller knows
/// within five seconds.
#[derive(Clone)]
pub struct Recorder {
    /// Where the writing task takes from; `None` once the recorder was stopped. The task ends with the last sender:
    /// every place has one.
    queue: Arc<Mutex<Option<Queue>>>,
    places: Arc<Semaphore>,
    max_places: usize,
    waiting: Arc<AtomicUsize>,
    door: Door,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("free_places", &self.places.available_permits()).finish_non_exhaustive()
    }
}

/// A turn's place among those that run or wait to be written, taken before it begins: what was admitted can always be
/// written, as it begins and as it ends.
#[derive(Debug)]
pub struct RecorderPlace {
    queue: Queue,
    _permit: OwnedSemaphorePermit,
}

impl RecorderPlace {
    /// Writes that the turn has begun; returns when it is durable, or when storage was away for too long. Whoever does
    /// not wait for the answer changes nothing: it is written all the same.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store could not be reached; it is not known then whether
    /// it was written.
    pub async fn begin(&self, turn: StartedTurn) -> Result<BeginOutcome> {
        let (waiting, outcome) = Waiting::new(turn, &self.queue.waiting);
        drop(self.queue.entries.send(Entry::Begin(waiting)));
        outcome.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Writes the turn; returns when it is durable, or when storage was away for too long.
    ///
    /// # Errors
    /// As of [`RecorderPlace::begin`].
    pub async fn record(&self, commit: TurnCommit) -> Result<CommitOutcome> {
        self.queue.record(commit).await
    }
}

impl Recorder {
    /// Starts the writing task on `tasks`.
    pub fn start(store: Arc<dyn TurnStore>, settings: RecorderSettings, tasks: &TaskTracker) -> Self {
        Self::start_telling(store, settings, EventFeed::default(), tasks)
    }

    /// Starts the writing task on `tasks`; `feed` is told of the events that become durable.
    pub(crate) fn start_telling(
        store: Arc<dyn TurnStore>,
        settings: RecorderSettings,
        feed: EventFeed,
        tasks: &TaskTracker,
    ) -> Self {
        // Bounded by the places: each has one turn, which begins once and ends once.
        let (queue, entries) = mpsc::unbounded_channel();
        let door = Door::default();
        tasks.spawn(Writer::new(store, settings.max_batch.max(1), door.clone(), feed).write_all(entries));
        let places = settings.max_turns.clamp(1, Semaphore::MAX_PERMITS);
        let waiting = Arc::new(AtomicUsize::new(0));
        let queue = Queue { entries: queue, waiting: Arc::clone(&waiting) };
        let queue = Arc::new(Mutex::new(Some(queue)));
        Self { queue, places: Arc::new(Semaphore::new(places)), max_places: places, waiting, door }
    }

    /// Whether turns can be recorded: the last attempt went well, or storage was found to work since.
    pub fn is_healthy(&self) -> bool {
        self.door.is_well()
    }

    /// How many turns run or wait to be written, and how many more may.
    pub fn places(&self) -> (usize, usize) {
        let free = self.places.available_permits();
        (self.max_places.saturating_sub(free), free)
    }

    /// How many beginnings and ends of turns wait to be written, those that are being written included.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Storage was found to work: who was refused for its sake is let in again.
    pub(crate) fn reopen(&self) {
        self.door.note(None);
    }

    /// Refuses while storage is away: cheap, to be asked before anything asks storage.
    pub(super) fn check_door(&self) -> Result<()> {
        self.door.check()
    }

    /// Takes a place for a turn.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when all places are taken, when storage is away or the recorder
    /// was stopped.
    pub fn take_place(&self) -> Result<RecorderPlace> {
        self.door.check()?;
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(permit) => Ok(RecorderPlace { queue: self.queue()?, _permit: permit }),
            Err(TryAcquireError::NoPermits) => {
                Err(Error::unavailable("too many messages are being answered; try again later"))
            }
            Err(TryAcquireError::Closed) => Err(stopped()),
        }
    }

    /// Writes a turn for which no place was taken: one that another engine began.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store could not be reached.
    pub async fn record(&self, commit: TurnCommit) -> Result<CommitOutcome> {
        self.queue()?.record(commit).await
    }

    /// Gives out no more places; what has one is still written, then the task ends.
    pub fn stop(&self) {
        self.places.close();
        self.lock_queue().take();
    }

    fn queue(&self) -> Result<Queue> {
        self.lock_queue().clone().ok_or_else(stopped)
    }

    fn lock_queue(&self) -> std::sync::MutexGuard<'_, Option<Queue>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way to the writing task.
#[derive(Clone, Debug)]
struct Queue {
    entries: mpsc::UnboundedSender<Entry>,
    waiting: Arc<AtomicUsize>,
}

impl Queue {
    async fn record(&self, commit: TurnCommit) -> Result<CommitOutcome> {
        let (waiting, outcome) = Waiting::new(commit, &self.waiting);
        drop(self.entries.send(Entry::End(waiting)));
        outcome.await.unwrap_or_else(|_| Err(stopped()))
    }
}

fn stopped() -> Error {
    Error::unavailable("the engine is shutting down").with_retry_after(Duration::from_secs(5))
}
