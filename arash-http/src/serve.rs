//! Runs the host until it is told to stop.

use std::io;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use arash_core::Engine;
use arash_core::settings::HttpSettings;
use poem::Server;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::acceptor::TcpAcceptor;
use crate::exposition;
use crate::limits::Limits;
use crate::routes::routes_within;
use crate::stopping::Stopping;

/// What the engine gets of the deadline at the least: answers that still run are interrupted so long before it, so that
/// whoever reads one is told its end.
const ENGINE_DEADLINE: Duration = Duration::from_secs(5);
/// How often figures are gathered that nobody asks for.
const GATHERING: Duration = Duration::from_secs(5);

/// Answers requests on `listener` until `stop` is ready; then takes no more of them, lets those that run
/// come to their end within the deadline of `settings`, and shuts the engine down.
///
/// # Errors
/// When the listener's address cannot be asked for.
pub async fn serve(
    engine: Engine,
    settings: &HttpSettings,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    serve_within(Limits::default(), engine, settings, listener, stop).await
}

/// The same as [`serve`], with limits of one's own.
///
/// # Errors
/// Those of [`serve`].
pub async fn serve_within(
    limits: Limits,
    engine: Engine,
    settings: &HttpSettings,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let stopping = Stopping::default();
    let acceptor = TcpAcceptor::new(listener, limits, stopping.clone())?;
    let deadline = settings.shutdown_deadline;
    let (stopped_at, is_stopped) = (OnceLock::new(), Notify::new());
    let stop = async {
        stop.await;
        stopped_at.get_or_init(Instant::now);
        is_stopped.notify_one();
        stopping.begin();
        tracing::info!(deadline_s = deadline.as_secs_f64(), "stopping");
    };
    let serving = Server::new_with_acceptor(acceptor).idle_timeout(limits.idle).run_with_graceful_shutdown(
        routes_within(limits, stopping.clone(), &engine, settings),
        stop,
        Some(deadline),
    );
    let interrupting = async {
        is_stopped.notified().await;
        tokio::time::sleep(deadline.saturating_sub(ENGINE_DEADLINE).max(deadline / 2)).await;
        engine.interrupt().await;
        std::future::pending::<()>().await;
    };
    let outcome = tokio::select! {
        outcome = serving => outcome,
        never = gather_figures() => match never {},
        () = interrupting => Ok(()),
    };
    let taken = stopped_at.get().map_or(Duration::ZERO, Instant::elapsed);
    engine.shutdown(deadline.saturating_sub(taken).max(ENGINE_DEADLINE)).await;
    tracing::info!("stopped");
    outcome
}

async fn gather_figures() -> std::convert::Infallible {
    loop {
        tokio::time::sleep(GATHERING).await;
        exposition::gather();
    }
}
