use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::{Error, ErrorKind, Result};
use crate::turn::{CommitOutcome, TurnCommit, TurnStore};

/// For how long a batch is tried again while storage is away; then its callers are told.
const PATIENCE: Duration = Duration::from_secs(4);

/// A failure is held against storage for so long; without new turns nothing else would tell that it works again.
const FAILURE_REMEMBERED: Duration = Duration::from_secs(10);

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

struct Entry {
    commit: TurnCommit,
    since: Instant,
    done: oneshot::Sender<Result<CommitOutcome>>,
}

/// Writes turns. One task writes what has come in since its last transaction as one transaction, so that the
/// cost of making it durable is shared by all that wait for it. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Entry>,
    stop: CancellationToken,
    last_failure: Arc<Mutex<Option<Instant>>>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("free_places", &self.queue.capacity()).finish_non_exhaustive()
    }
}

/// A place in the recorder's queue, taken before a turn begins: an admitted turn can always be written.
#[derive(Debug)]
pub struct RecorderPlace {
    permit: mpsc::OwnedPermit<Entry>,
}

impl RecorderPlace {
    /// Writes the turn; returns when it is durable, or known not to be written.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when the store could not be reached.
    pub async fn record(self, commit: TurnCommit) -> Result<CommitOutcome> {
        let (done, outcome) = oneshot::channel();
        self.permit.send(Entry { commit, since: Instant::now(), done });
        outcome.await.unwrap_or_else(|_| Err(stopped()))
    }
}

impl Recorder {
    /// Starts the writing task on `tasks`.
    pub fn start(store: Arc<dyn TurnStore>, settings: RecorderSettings, tasks: &TaskTracker) -> Self {
        let (queue, entries) = mpsc::channel(settings.max_turns.max(1));
        let (stop, last_failure) = (CancellationToken::new(), Arc::default());
        let writer = Writer { store, max_batch: settings.max_batch.max(1), last_failure: Arc::clone(&last_failure) };
        tasks.spawn(writer.write_all(entries, stop.clone()));
        Self { queue, stop, last_failure }
    }

    /// Whether turns can be recorded: none failed to be lately, or one was recorded since.
    pub fn is_healthy(&self) -> bool {
        let last_failure = *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner);
        last_failure.is_none_or(|at| at.elapsed() > FAILURE_REMEMBERED)
    }

    /// Takes a place in the queue.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when the queue is full or the recorder was stopped.
    pub fn take_place(&self) -> Result<RecorderPlace> {
        match self.queue.clone().try_reserve_owned() {
            Ok(permit) => Ok(RecorderPlace { permit }),
            Err(mpsc::error::TrySendError::Full(_)) => {
                Err(Error::unavailable("too many messages are being answered; try again later"))
            }
            Err(mpsc::error::TrySendError::Closed(_)) => Err(stopped()),
        }
    }

    /// Writes a turn for which no place was taken; waits while the queue is full.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when the store could not be reached.
    pub async fn record(&self, commit: TurnCommit) -> Result<CommitOutcome> {
        let permit = self.queue.clone().reserve_owned().await.map_err(|_| stopped())?;
        RecorderPlace { permit }.record(commit).await
    }

    /// Takes no more places; what has a place is still written, then the task ends.
    pub fn stop(&self) {
        self.stop.cancel();
    }
}

/// The task that writes.
struct Writer {
    store: Arc<dyn TurnStore>,
    max_batch: usize,
    last_failure: Arc<Mutex<Option<Instant>>>,
}

impl Writer {
    async fn write_all(self, mut entries: mpsc::Receiver<Entry>, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(self.max_batch);
        loop {
            let taken = tokio::select! {
                biased;
                () = stop.cancelled(), if !entries.is_closed() => {
                    entries.close();
                    continue;
                }
                taken = entries.recv_many(&mut batch, self.max_batch) => taken,
            };
            if taken == 0 {
                return;
            }
            // Patience is counted from when the first of them came, not from when its batch had its turn.
            let since = batch.iter().map(|entry| entry.since).min().unwrap_or_else(Instant::now);
            let (commits, waiters): (Vec<_>, Vec<_>) = batch.drain(..).map(|entry| (entry.commit, entry.done)).unzip();
            // A store that panics costs its batch, not the recorder.
            let outcomes = AssertUnwindSafe(write_patiently(self.store.as_ref(), &commits, since)).catch_unwind().await;
            let broken = || commits.iter().map(|_| Err(Error::internal("the store broke"))).collect();
            let outcomes: Vec<_> = outcomes.unwrap_or_else(|_| broken());
            let failure = outcomes.iter().any(Result::is_err).then(Instant::now);
            *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
            for (waiter, outcome) in waiters.into_iter().zip(outcomes) {
                // A turn whose waiter went away is written all the same.
                drop(waiter.send(outcome));
            }
        }
    }
}

/// Writes a batch; tries again while storage is away, for answers may have been read already. To write a turn twice
/// does no harm: the second time it is a duplicate of itself.
async fn write_patiently(store: &dyn TurnStore, commits: &[TurnCommit], since: Instant) -> Vec<Result<CommitOutcome>> {
    let mut pause = Duration::from_millis(20);
    loop {
        let outcomes = write(store, commits).await;
        let is_away = |outcome: &Result<_>| matches!(outcome, Err(error) if error.kind() == ErrorKind::Unavailable);
        let first_away = outcomes.iter().find(|outcome| is_away(outcome));
        if first_away.is_none() || since.elapsed() + pause > PATIENCE {
            if let Some(Err(error)) = first_away {
                tracing::error!(error = ?error, turns = commits.len(), "turns could not be recorded");
            }
            return outcomes.into_iter().zip(commits).map(|(outcome, commit)| own_outcome(outcome, commit)).collect();
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2);
    }
}

/// A duplicate of the very turn means that an earlier try had written it.
fn own_outcome(outcome: Result<CommitOutcome>, commit: &TurnCommit) -> Result<CommitOutcome> {
    match outcome {
        Ok(CommitOutcome::Duplicate(stored)) if stored.turn_id == commit.turn_id => Ok(CommitOutcome::Committed),
        outcome => outcome,
    }
}

/// Writes a batch; if one of its turns spoils it, each by itself.
async fn write(store: &dyn TurnStore, commits: &[TurnCommit]) -> Vec<Result<CommitOutcome>> {
    match store.commit(commits).await {
        Ok(outcomes) if outcomes.len() == commits.len() => outcomes.into_iter().map(Ok).collect(),
        Ok(_) => commits.iter().map(|_| Err(Error::internal("the store lost count of a batch"))).collect(),
        Err(error) if error.kind() == ErrorKind::Unavailable || commits.len() == 1 => {
            commits.iter().map(|_| Err(error.clone())).collect()
        }
        Err(error) => {
            tracing::warn!(error = ?error, turns = commits.len(), "a batch failed; recording its turns one by one");
            let mut outcomes = Vec::with_capacity(commits.len());
            for commit in commits {
                let outcome = store.commit(std::slice::from_ref(commit)).await;
                let first = |outcomes: Vec<CommitOutcome>| {
                    outcomes.into_iter().next().ok_or_else(|| Error::internal("the store lost a turn"))
                };
                outcomes.push(outcome.and_then(first));
            }
            outcomes
        }
    }
}

fn stopped() -> Error {
    Error::unavailable("the engine is shutting down").with_retry_after(Duration::from_secs(5))
}
