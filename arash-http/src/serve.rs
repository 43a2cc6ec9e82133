//! Runs the host until it is told to stop.

use std::io;
use std::time::{Duration, Instant};

use arash_core::Engine;
use arash_core::settings::HttpSettings;
use poem::Server;
use tokio::net::TcpListener;

use crate::acceptor::TcpAcceptor;
use crate::exposition;
use crate::limits::Limits;
use crate::routes::routes_within;

/// How long requests that run at the signal may take to end.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(30);
/// What the engine gets of it at the least, for what requests have left behind.
const ENGINE_DEADLINE: Duration = Duration::from_secs(5);
/// How often figures are gathered that nobody asks for.
const GATHERING: Duration = Duration::from_secs(5);
/// Most requests that one connection of HTTP/2 may have running; without a limit one connection could be all of them.
const MAX_STREAMS: u32 = 128;

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
    let acceptor = TcpAcceptor::new(listener, limits)?;
    let mut stopped_at = None;
    let stop = async {
        stop.await;
        stopped_at = Some(Instant::now());
        tracing::info!(deadline_s = SHUTDOWN_DEADLINE.as_secs(), "stopping");
    };
    let server = Server::new_with_acceptor(acceptor)
        .idle_timeout(limits.idle)
        .http2_max_concurrent_streams(MAX_STREAMS)
        .run_with_graceful_shutdown(routes_within(limits, &engine, settings), stop, Some(SHUTDOWN_DEADLINE));
    let outcome = tokio::select! {
        outcome = server => outcome,
        never = gather_figures() => match never {},
    };
    let taken = stopped_at.map_or(Duration::ZERO, |moment: Instant| moment.elapsed());
    engine.shutdown(SHUTDOWN_DEADLINE.saturating_sub(taken).max(ENGINE_DEADLINE)).await;
    tracing::info!("stopped");
    outcome
}

async fn gather_figures() -> std::convert::Infallible {
    loop {
        tokio::time::sleep(GATHERING).await;
        exposition::gather();
    }
}
