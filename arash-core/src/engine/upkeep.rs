use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::engine::Inner;
use crate::error::Result;
use crate::quota::QuotaKeeper;
use crate::session::SessionManager;
use crate::store::Store;
use crate::team::Authenticator;

/// A revocation elsewhere is noticed within this and the time of a query: a second at most.
const EPOCH_INTERVAL: Duration = Duration::from_millis(500);
const HEALTH_INTERVAL: Duration = Duration::from_secs(2);
/// Leases last a minute; renewed four times in it, one failure or two do no harm.
const QUOTA_INTERVAL: Duration = Duration::from_secs(15);
const PURGE_INTERVAL: Duration = Duration::from_secs(60);
/// For how long the result of a request with an idempotency key is given again.
const RECEIPTS_KEPT: Duration = Duration::from_secs(24 * 3_600);

/// What has to be done now and then.
pub(super) struct Upkeep {
    store: Arc<dyn Store>,
    authenticator: Arc<Authenticator>,
    sessions: SessionManager,
    quotas: QuotaKeeper,
    clock: Arc<dyn Clock>,
    is_database_healthy: Arc<AtomicBool>,
    stop: CancellationToken,
}

impl Upkeep {
    /// What the engine with these parts has to do.
    pub(super) fn of(engine: &Inner, clock: Arc<dyn Clock>) -> Self {
        Self {
            store: Arc::clone(&engine.store),
            authenticator: Arc::clone(&engine.authenticator),
            sessions: engine.sessions.clone(),
            quotas: engine.quotas.clone(),
            clock,
            is_database_healthy: Arc::clone(&engine.is_database_healthy),
            stop: engine.stop_upkeep.clone(),
        }
    }

    /// Starts one task for each kind of work, so that a slow one holds up no other.
    pub(super) fn start(self, tasks: &TaskTracker) {
        let Self { store, authenticator, sessions, quotas, clock, is_database_healthy, stop } = self;
        every(tasks, &stop, EPOCH_INTERVAL, "following the key epoch", move || {
            let authenticator = Arc::clone(&authenticator);
            async move { authenticator.poll_epoch().await }
        });
        every(tasks, &stop, QUOTA_INTERVAL, "keeping quota leases", move || {
            let quotas = quotas.clone();
            async move { quotas.upkeep().await }
        });
        let watched = Arc::clone(&store);
        every(tasks, &stop, HEALTH_INTERVAL, "checking storage", move || {
            let (store, flag) = (Arc::clone(&watched), Arc::clone(&is_database_healthy));
            async move {
                let health = store.health().await;
                flag.store(health.is_ok(), Ordering::Relaxed);
                health
            }
        });
        every(tasks, &stop, PURGE_INTERVAL, "purging what is over", move || {
            let (sessions, store, now) = (sessions.clone(), Arc::clone(&store), clock.now());
            async move {
                sessions.purge_expired().await?;
                store.forget_receipts(now.minus(RECEIPTS_KEPT)).await
            }
        });
    }
}

/// Does `work` again and again until `stop`. A failure is logged when it begins, not every time.
fn every<W, F>(tasks: &TaskTracker, stop: &CancellationToken, interval: Duration, name: &'static str, work: W)
where
    W: Fn() -> F + Send + 'static,
    F: Future<Output = Result<()>> + Send,
{
    let stop = stop.clone();
    tasks.spawn(async move {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_failing = false;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            match work().await {
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
        }
    });
}
