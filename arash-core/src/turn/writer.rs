use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::metrics;
use crate::platform::ModelId;
use crate::turn::door::Door;
use crate::turn::{BeginOutcome, CommitOutcome, StartedTurn, TurnCommit, TurnState, TurnStore};
use crate::webhook::EventFeed;

/// Who waits for something to be written knows after this, if storage is away.
const PATIENCE: Duration = Duration::from_millis(4_500);
/// Longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How long an attempt may take when storage does not answer; back ends see to that.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(2);
/// What is older is not tried again while storage is away: the attempt could outlast the patience.
const LAST_ATTEMPT: Duration = PATIENCE.saturating_sub(LONGEST_ATTEMPT);

/// What is to be written.
#[expect(clippy::large_enum_variant, reason = "most are ends; a box would cost each of them an allocation")]
pub(super) enum Entry {
    Begin(Waiting<StartedTurn>),
    End(Waiting<TurnCommit>),
}

/// Something to be written, and who waits for it.
pub(super) struct Waiting<T: Written> {
    item: T,
    since: Instant,
    done: oneshot::Sender<Result<T::Outcome>>,
    counted: Counted,
}

/// One of those that wait; until dropped.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn among(waiting: &Arc<AtomicUsize>) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(waiting))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<T: Written> Waiting<T> {
    /// `waiting` counts it until it is told.
    pub(super) fn new(item: T, waiting: &Arc<AtomicUsize>) -> (Self, oneshot::Receiver<Result<T::Outcome>>) {
        let (done, outcome) = oneshot::channel();
        (Self { item, since: Instant::now(), done, counted: Counted::among(waiting) }, outcome)
    }

    fn tell(self, outcome: Result<T::Outcome>) {
        // Whoever is told finds himself not waiting any more.
        drop(self.counted);
        // What nobody waits for any more was written all the same.
        drop(self.done.send(outcome));
    }
}

/// What is written in batches.
pub(super) trait Written: Sized + Send + Sync {
    type Outcome: Send;
    /// What of a turn is written, in figures.
    const NAME: &'static str;

    fn write<'a>(store: &'a dyn TurnStore, batch: &'a [Self]) -> BoxFuture<'a, Result<Vec<Self::Outcome>>>;

    /// A duplicate of itself means that an earlier attempt had written it.
    fn seen_as_own(&self, outcome: Self::Outcome) -> Self::Outcome;

    /// Counts what was written, and tells of it.
    fn tell_of(&self, _outcome: &Self::Outcome, _feed: &EventFeed) {}
}

impl Written for StartedTurn {
    type Outcome = BeginOutcome;
    const NAME: &'static str = "begin";

    fn write<'a>(store: &'a dyn TurnStore, batch: &'a [Self]) -> BoxFuture<'a, Result<Vec<BeginOutcome>>> {
        store.begin(batch)
    }

    fn seen_as_own(&self, outcome: BeginOutcome) -> BeginOutcome {
        match outcome {
            BeginOutcome::Duplicate(stored) if stored.turn_id == self.turn_id && stored.state == TurnState::Started => {
                BeginOutcome::Begun
            }
            outcome => outcome,
        }
    }
}

impl Written for TurnCommit {
    type Outcome = CommitOutcome;
    const NAME: &'static str = "end";

    fn write<'a>(store: &'a dyn TurnStore, batch: &'a [Self]) -> BoxFuture<'a, Result<Vec<CommitOutcome>>> {
        store.commit(batch)
    }

    fn seen_as_own(&self, outcome: CommitOutcome) -> CommitOutcome {
        match outcome {
            CommitOutcome::Duplicate(stored) if stored.turn_id == self.turn_id && stored.state == self.state => {
                CommitOutcome::Committed
            }
            outcome => outcome,
        }
    }

    fn tell_of(&self, outcome: &CommitOutcome, feed: &EventFeed) {
        if matches!(outcome, CommitOutcome::Committed) {
            feed.tell(&self.events);
            let usage = &self.usage;
            metrics::turn_recorded(&metrics::RecordedTurn {
                kind: usage.kind.as_str(),
                state: self.state.as_str(),
                platform: &usage.platform,
                model: usage.model_used.as_ref().map(ModelId::as_str),
                prompt_tokens: usage.tokens.prompt_tokens,
                completion_tokens: usage.tokens.completion_tokens,
                cost_micros: usage.cost.0,
                duration: usage.response_time,
            });
        }
    }
}

/// The task that writes.
pub(super) struct Writer {
    store: Arc<dyn TurnStore>,
    max_batch: usize,
    door: Door,
    feed: EventFeed,
}

impl Writer {
    pub(super) fn new(store: Arc<dyn TurnStore>, max_batch: usize, door: Door, feed: EventFeed) -> Self {
        Self { store, max_batch, door, feed }
    }

    /// Writes until nobody is left who could send something.
    pub(super) async fn write_all(self, mut entries: mpsc::UnboundedReceiver<Entry>) {
        let mut taken = Vec::with_capacity(self.max_batch);
        while entries.recv_many(&mut taken, self.max_batch).await > 0 {
            let (mut begins, mut ends) = (Vec::new(), Vec::with_capacity(taken.len()));
            for entry in taken.drain(..) {
                match entry {
                    Entry::Begin(waiting) => begins.push(waiting),
                    Entry::End(waiting) => ends.push(waiting),
                }
            }
            tokio::join!(self.write_patiently(begins), self.write_patiently(ends));
        }
    }

    /// Writes a batch; tries again while storage is away, for answers may have been read already. To write something
    /// twice does no harm: the second time it is a duplicate of itself.
    async fn write_patiently<T: Written>(&self, mut waiting: Vec<Waiting<T>>) {
        let mut pause = Duration::from_millis(20);
        let mut is_away = self.door.is_away().then(|| Error::unavailable("storage cannot be reached right now"));
        loop {
            if let Some(error) = is_away.take() {
                let tired: Vec<_> = waiting.extract_if(.., |one| one.since.elapsed() > LAST_ATTEMPT).collect();
                if !tired.is_empty() {
                    tracing::error!(error = ?error, turns = tired.len(), "turns could not be recorded");
                }
                for one in tired {
                    one.tell(Err(error.clone()));
                }
            }
            if waiting.is_empty() {
                return;
            }
            waiting = self.attempt(waiting, &mut is_away).await;
            if !waiting.is_empty() {
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
            }
        }
    }

    /// Writes a batch once; returns those for which storage was away.
    async fn attempt<T: Written>(&self, waiting: Vec<Waiting<T>>, is_away: &mut Option<Error>) -> Vec<Waiting<T>> {
        let (items, waiters): (Vec<_>, Vec<_>) =
            waiting.into_iter().map(|one| (one.item, (one.since, one.done, one.counted))).unzip();
        let begun = Instant::now();
        // A store that panics costs its batch, not the recorder.
        let outcomes = AssertUnwindSafe(write(self.store.as_ref(), &items)).catch_unwind().await;
        metrics::batch_written(T::NAME, items.len(), begun.elapsed());
        let broken = || items.iter().map(|_| Err(Error::internal("the store broke"))).collect();
        let outcomes = outcomes.unwrap_or_else(|_| broken());
        let fault = outcomes.iter().filter_map(|outcome| outcome.as_ref().err().map(Error::kind));
        self.door.note(fault.max_by_key(|&kind| kind == ErrorKind::Unavailable));
        let mut left = Vec::new();
        for ((item, (since, done, counted)), outcome) in items.into_iter().zip(waiters).zip(outcomes) {
            match outcome {
                Err(error) if error.kind() == ErrorKind::Unavailable => {
                    *is_away = Some(error);
                    left.push(Waiting { item, since, done, counted });
                }
                outcome => {
                    let outcome = outcome
                        .map(|outcome| item.seen_as_own(outcome))
                        .inspect(|outcome| item.tell_of(outcome, &self.feed));
                    Waiting { item, since, done, counted }.tell(outcome);
                }
            }
        }
        left
    }
}

/// Writes a batch; if something in it spoils it, each by itself.
async fn write<T: Written>(store: &dyn TurnStore, batch: &[T]) -> Vec<Result<T::Outcome>> {
    match T::write(store, batch).await {
        Ok(outcomes) if outcomes.len() == batch.len() => outcomes.into_iter().map(Ok).collect(),
        Ok(_) => batch.iter().map(|_| Err(Error::internal("the store lost count of a batch"))).collect(),
        Err(error) if error.kind() == ErrorKind::Unavailable || batch.len() == 1 => {
            batch.iter().map(|_| Err(error.clone())).collect()
        }
        Err(error) => {
            tracing::warn!(error = ?error, turns = batch.len(), "a batch failed; recording its turns one by one");
            write_one_by_one(store, batch).await
        }
    }
}

async fn write_one_by_one<T: Written>(store: &dyn TurnStore, batch: &[T]) -> Vec<Result<T::Outcome>> {
    let (mut outcomes, mut away) = (Vec::with_capacity(batch.len()), None);
    for item in batch {
        if let Some(error) = &away {
            outcomes.push(Err(Error::clone(error)));
            continue;
        }
        let first = |outcomes: Vec<_>| outcomes.into_iter().next();
        let outcome = T::write(store, std::slice::from_ref(item)).await.map(first);
        let outcome = outcome.and_then(|outcome| outcome.ok_or_else(|| Error::internal("the store lost a turn")));
        away = outcome.as_ref().err().filter(|error| error.kind() == ErrorKind::Unavailable).cloned();
        outcomes.push(outcome);
    }
    outcomes
}
