//! Runs the host until it is told to stop.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arash_core::Engine;
use arash_core::settings::HttpSettings;
use arash_telegram::Telegram;
use poem::Server;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

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
    serve_all(limits, None, engine, settings, listener, stop).await
}

/// The same as [`serve`], and if there is a bot, it answers until `stop`, too: its webhook and its health are on the same
/// port, and the engine, which must be the bot's, is shut down when both have ended.
///
/// # Errors
/// Those of [`serve`].
pub async fn serve_with_bot(
    telegram: Option<Arc<Telegram>>,
    engine: Engine,
    settings: &HttpSettings,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    serve_all(Limits::default(), telegram, engine, settings, listener, stop).await
}

async fn serve_all(
    limits: Limits,
    telegram: Option<Arc<Telegram>>,
    engine: Engine,
    settings: &HttpSettings,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let (stopping, bot_stop) = (Stopping::default(), CancellationToken::new());
    let acceptor = TcpAcceptor::new(listener, limits, stopping.clone())?;
    let deadline = settings.shutdown_deadline;
    let (stopped_at, is_stopped) = (OnceLock::new(), Notify::new());
    let stop = async {
        stop.await;
        stopped_at.get_or_init(Instant::now);
        is_stopped.notify_one();
        stopping.begin();
        bot_stop.cancel();
        tracing::info!(deadline_s = deadline.as_secs_f64(), "stopping");
    };
    let serving = Server::new_with_acceptor(acceptor).idle_timeout(limits.idle).run_with_graceful_shutdown(
        routes_within(limits, stopping.clone(), telegram.as_ref(), &engine, settings),
        stop,
        Some(deadline),
    );
    let interrupting = async {
        is_stopped.notified().await;
        tokio::time::sleep(deadline.saturating_sub(ENGINE_DEADLINE).max(deadline / 2)).await;
        engine.interrupt().await;
        std::future::pending::<()>().await;
    };
    let serving = async {
        let served = serving.await;
        bot_stop.cancel();
        served
    };
    let both = async { tokio::join!(serving, answer(telegram.as_deref(), &bot_stop, deadline)).0 };
    let outcome = tokio::select! {
        outcome = both => outcome,
        never = gather_figures() => match never {},
        () = interrupting => Ok(()),
    };
    let taken = stopped_at.get().map_or(Duration::ZERO, Instant::elapsed);
    engine.shutdown(deadline.saturating_sub(taken).max(ENGINE_DEADLINE)).await;
    tracing::info!("stopped");
    outcome
}

/// Lets the bot answer until it is stopped, and then for `deadline` at most.
async fn answer(telegram: Option<&Telegram>, stop: &CancellationToken, deadline: Duration) {
    let Some(telegram) = telegram else { return };
    let out_of_time = async {
        stop.cancelled().await;
        tokio::time::sleep(deadline).await;
    };
    tokio::select! {
        () = telegram.run(stop.clone()) => {}
        () = out_of_time => tracing::warn!("answers on Telegram were not finished in time; they are given after the next start"),
    }
}

async fn gather_figures() -> std::convert::Infallible {
    loop {
        tokio::time::sleep(GATHERING).await;
        exposition::gather();
    }
}
