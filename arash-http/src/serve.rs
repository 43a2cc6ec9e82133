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
use crate::routes::routes;

/// What the engine gets of the deadline at the least: answers that still run are interrupted so long before it, so that
/// whoever reads one is told its end.
const ENGINE_DEADLINE: Duration = Duration::from_secs(5);
/// A connection without a byte either way for this long is closed once its request is answered.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

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
    let acceptor = TcpAcceptor::new(listener)?;
    let deadline = settings.shutdown_deadline;
    let (stopped_at, is_stopped) = (OnceLock::new(), Notify::new());
    let stop = async {
        stop.await;
        stopped_at.get_or_init(Instant::now);
        is_stopped.notify_one();
        tracing::info!(deadline_s = deadline.as_secs_f64(), "stopping");
    };
    let serving = Server::new_with_acceptor(acceptor).idle_timeout(IDLE_TIMEOUT).run_with_graceful_shutdown(
        routes(&engine, settings),
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
        () = interrupting => Ok(()),
    };
    let taken = stopped_at.get().map_or(Duration::ZERO, Instant::elapsed);
    engine.shutdown(deadline.saturating_sub(taken).max(ENGINE_DEADLINE)).await;
    tracing::info!("stopped");
    outcome
}
