//! Runs the host until it is told to stop.

use std::io;
use std::time::{Duration, Instant};

use arash_core::Engine;
use arash_core::settings::HttpSettings;
use poem::Server;
use tokio::net::TcpListener;

use crate::acceptor::TcpAcceptor;
use crate::routes::routes;

/// How long requests that run at the signal may take to end.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(30);
/// What the engine gets of it at the least, for what requests have left behind.
const ENGINE_DEADLINE: Duration = Duration::from_secs(5);
/// A connection without a byte either way for this long is closed once its request is answered.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// Answers requests on `listener` until `stop` is ready; then takes no more of them, lets those that run
/// come to their end (30 s at most), and shuts the engine down.
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
    let mut stopped_at = None;
    let stop = async {
        stop.await;
        stopped_at = Some(Instant::now());
        tracing::info!(deadline_s = SHUTDOWN_DEADLINE.as_secs(), "stopping");
    };
    let outcome = Server::new_with_acceptor(acceptor)
        .idle_timeout(IDLE_TIMEOUT)
        .run_with_graceful_shutdown(routes(&engine, settings), stop, Some(SHUTDOWN_DEADLINE))
        .await;
    let taken = stopped_at.map_or(Duration::ZERO, |moment: Instant| moment.elapsed());
    engine.shutdown(SHUTDOWN_DEADLINE.saturating_sub(taken).max(ENGINE_DEADLINE)).await;
    tracing::info!("stopped");
    outcome
}
