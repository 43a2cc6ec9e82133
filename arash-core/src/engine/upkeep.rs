use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::engine::Inner;
use crate::error::{Error, Result};
use crate::inbox::Inbox;
use crate::quota::QuotaKeeper;
use crate::session::SessionManager;
use crate::store::Store;
use crate::team::Authenticator;
use crate::turn::{MessageProcessor, Recorder};

/// A revocation elsewhere is noticed within this and the time of a query: a second at most.
const EPOCH_INTERVAL: Duration = Duration::from_millis(500);
const HEALTH_INTERVAL: Duration = Duration::from_secs(2);
/// How often storage is checked while it is away.
const FAILING_HEALTH_INTERVAL: Duration = Duration::from_secs(1);
/// How long a check of storage may take.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);
/// Turns that have begun, and claims of sessions, last half a minute.
const TURN_INTERVAL: Duration = Duration::from_secs(10);
/// Leases last a minute; renewed four times in it, one failure or two do no harm.
const QUOTA_INTERVAL: Duration = Duration::from_secs(15);
const STORE_INTERVAL: Duration = Duration::from_secs(30);
const PURGE_INTERVAL: Duration = Duration::from_secs(60);
const RETENTION_INTERVAL: Duration = Duration::from_secs(3_600);
/// For how long the result of a request with an idempotency key is given again.
const RECEIPTS_KEPT: Duration = Duration::from_secs(24 * 3_600);

/// How many old events are ended in one go.
const EVENTS_AT_ONCE: u32 = 500;

/// What has to be done now and then.
pub(super) struct Upkeep {
    store: Arc<dyn Store>,
    authenticator: Arc<Authenticator>,
    processor: MessageProcessor,
    sessions: SessionManager,
    quotas: QuotaKeeper,
    inbox: Inbox,
    recorder: Recorder,
    clock: Arc<dyn Clock>,
    is_database_healthy: Arc<AtomicBool>,
    retention: Retention,
    stop: CancellationToken,
}

/// For how long what is over is kept.
#[derive(Clone, Copy)]
pub(super) struct Retention {
    /// Turns and usage records; `None` is for ever.
    pub(super) turns: Option<Duration>,
    /// Events for webhooks.
    pub(super) events: Duration,
}

impl Upkeep {
    /// What the engine with these parts has to do.
    pub(super) fn of(engine: &Inner, clock: Arc<dyn Clock>, retention: Retention) -> Self {
        Self {
            store: Arc::clone(&engine.store),
            authenticator: Arc::clone(&engine.authenticator),
            processor: engine.processor.clone(),
            sessions: engine.sessions.clone(),
            quotas: engine.quotas.clone(),
            inbox: engine.inbox.clone(),
            recorder: engine.recorder.clone(),
            clock,
            is_database_healthy: Arc::clone(&engine.is_database_healthy),
            retention,
            stop: engine.stop_upkeep.clone(),
        }
    }

    /// Starts one task for each kind of work, so that a slow one holds up no other.
    pub(super) fn start(self, tasks: &TaskTracker) {
        self.watch_storage(tasks);
        self.keep_store(tasks);
        let Self { store, authenticator, processor, sessions, quotas, inbox, clock, stop, .. } = self;
        every(tasks, &stop, EPOCH_INTERVAL, "following the key epoch", move || {
            let authenticator = Arc::clone(&authenticator);
            async move { authenticator.poll_epoch().await }
        });
        every(tasks, &stop, QUOTA_INTERVAL, "keeping quota leases", move || {
            let quotas = quotas.clone();
            async move { quotas.upkeep().await }
        });
        let claimed = sessions.clone();
        every(tasks, &stop, TURN_INTERVAL, "keeping claims of sessions", move || {
            let sessions = claimed.clone();
            async move { sessions.renew_claims().await }
        });
        every(tasks, &stop, TURN_INTERVAL, "keeping turns that have begun", move || {
            let processor = processor.clone();
            async move { processor.upkeep().await }
        });
        every(tasks, &stop, PURGE_INTERVAL, "forgetting old updates", move || {
            let inbox = inbox.clone();
            async move { inbox.forget_old().await }
        });
        every(tasks, &stop, PURGE_INTERVAL, "purging what is over", move || {
            let (sessions, store, now) = (sessions.clone(), Arc::clone(&store), clock.now());
            async move {
                sessions.purge_expired().await?;
                store.forget_receipts(now.minus(RECEIPTS_KEPT)).await
            }
        });
    }

    /// Whoever was refused because storage was away is let in again as soon as it is found to work.
    fn watch_storage(&self, tasks: &TaskTracker) {
        let (store, flag, recorder) =
            (Arc::clone(&self.store), Arc::clone(&self.is_database_healthy), self.recorder.clone());
        let pace = Pace { usual: HEALTH_INTERVAL, while_failing: FAILING_HEALTH_INTERVAL };
        every(tasks, &self.stop, pace, "checking storage", move || {
            let (store, flag, recorder) = (Arc::clone(&store), Arc::clone(&flag), recorder.clone());
            async move {
                let silent = |_| Err(Error::unavailable("storage does not answer"));
                let health = tokio::time::timeout(HEALTH_TIMEOUT, store.health()).await.unwrap_or_else(silent);
                flag.store(health.is_ok(), Ordering::Relaxed);
                if health.is_ok() {
                    recorder.reopen();
                }
                health
            }
        });
    }

    fn keep_store(&self, tasks: &TaskTracker) {
        let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock));
        every(tasks, &self.stop, STORE_INTERVAL, "keeping the store", move || {
            let (store, now) = (Arc::clone(&store), clock.now());
            async move { store.upkeep(now).await }
        });
        let (store, clock, retention) = (Arc::clone(&self.store), Arc::clone(&self.clock), self.retention.events);
        every(tasks, &self.stop, RETENTION_INTERVAL, "forgetting old events", move || {
            let (store, now) = (Arc::clone(&store), clock.now());
            async move {
                // Some at a time, so that others write in between.
                while store.forget_events(now, retention, EVENTS_AT_ONCE).await? >= u64::from(EVENTS_AT_ONCE) {}
                Ok(())
            }
        });
        let Some(retention) = self.retention.turns else { return };
        let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock));
        every(tasks, &self.stop, RETENTION_INTERVAL, "purging old turns", move || {
            let (store, until) = (Arc::clone(&store), clock.now().minus(retention));
            async move { store.purge_turns(until).await }
        });
    }
}

/// How often something is done.
#[derive(Clone, Copy)]
struct Pace {
    usual: Duration,
    while_failing: Duration,
}

impl From<Duration> for Pace {
    fn from(usual: Duration) -> Self {
        Self { usual, while_failing: usual }
    }
}

/// Does `work` again and again until `stop`. A failure is logged when it begins, not every time.
fn every<W, F>(tasks: &TaskTracker, stop: &CancellationToken, pace: impl Into<Pace>, name: &'static str, work: W)
where
    W: Fn() -> F + Send + 'static,
    F: Future<Output = Result<()>> + Send,
{
    let (stop, pace) = (stop.clone(), pace.into());
    tasks.spawn(async move {
        let (mut is_failing, mut next) = (false, Instant::now());
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep_until(next) => {}
            }
            let begun = Instant::now();
            let done = AssertUnwindSafe(work()).catch_unwind().await;
            match done.unwrap_or_else(|_| Err(Error::internal("a part of the program broke"))) {
                Ok(()) if is_failing => {
                    tracing::info!(work = name, "works again");
                    is_failing = false;
                }
                Ok(()) => {}
                Err(error) => {
                    if !is_failing {
                        tracing::error!(work = name, error = ?error, "failed; it is tried again");
                    }
                    is_failing = true;
                }
            }
            // Late work puts off what comes after it.
            next = begun + if is_failing { pace.while_failing } else { pace.usual };
        }
    });
}
