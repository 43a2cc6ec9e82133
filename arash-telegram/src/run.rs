//! A bot that is a program of its own: with a port for its health, and for Telegram where that brings updates.

use std::sync::Arc;
use std::time::Duration;

use arash_core::Engine;
use arash_core::settings::Settings;
use poem::http::StatusCode;
use poem::listener::TcpAcceptor;
use poem::web::{Data, Json};
use poem::{EndpointExt, IntoResponse, Response, Route, Server, get, handler};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::bot::LAST_ANSWERS;
use crate::health::BotHealth;
use crate::telegram::{Telegram, TelegramError};

/// How long a connection may be silent.
const IDLE: Duration = Duration::from_secs(60);
/// How long the first attempt to reach Telegram may hold up everything else.
const FIRST_ATTEMPT: Duration = Duration::from_secs(1);

/// Runs a bot until `stop`, and then until running answers have ended, half a minute at most: answers on Telegram, tells
/// how it is doing at `/health` of the host and port of the settings, and takes updates there where Telegram is to bring
/// them. The engine must have the platform `telegram`, as that of
/// [`Settings::engine`](arash_core::settings::Settings::engine) has; it is not shut down. `tell` is given what an operator
/// is to read at the start: who the bot is and where its health is told.
///
/// Whoever has a server already uses [`Telegram`] instead.
///
/// # Errors
/// When there is no token, Telegram refuses it before the bot has answered anybody, or the port cannot be had.
pub async fn run(
    engine: Engine,
    settings: &Settings,
    stop: CancellationToken,
    tell: impl Fn(&str),
) -> Result<(), TelegramError> {
    let telegram = Arc::new(Telegram::new(engine, &settings.telegram, settings.http.image_limit())?);
    // A token that is refused at once is not worth a port.
    let is_reached = timeout(FIRST_ATTEMPT, telegram.reach()).await.unwrap_or(Ok(false))?;
    let (host, port) = (settings.http.host.as_str(), settings.http.port);
    let cannot_listen = |fault| TelegramError::Port(format!("cannot listen on {host} port {port}: {fault}"));
    let listener = TcpListener::bind((host, port)).await.map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    if !is_reached {
        tell(&format!("Telegram cannot be reached yet; its health is at http://{address}/health"));
    }
    let acceptor = TcpAcceptor::from_tokio(listener).map_err(cannot_listen)?;
    let server = Server::new_with_acceptor(acceptor).idle_timeout(IDLE);
    let serving =
        server.run_with_graceful_shutdown(routes(&telegram), stop.clone().cancelled_owned(), Some(LAST_ANSWERS));
    let serving = async { serving.await.map_err(|fault| TelegramError::Port(format!("cannot serve: {fault}"))) };
    let answering = async {
        tokio::select! {
            reached = telegram.until_reached() => reached?,
            () = stop.cancelled() => return Ok(()),
        }
        let name = telegram.username().unwrap_or_default();
        tell(&format!("@{name} answers; its health is at http://{address}/health"));
        telegram.run(stop.clone()).await;
        Ok(())
    };
    tokio::try_join!(serving, answering).map(drop)
}

fn routes(telegram: &Arc<Telegram>) -> Route {
    let routes = Route::new().at("/health", get(health.data(Arc::clone(telegram))));
    match telegram.route() {
        Some((path, route)) => routes.at(path, route),
        None => routes,
    }
}

/// How the bot is doing: 503 when it cannot answer until somebody does something.
#[handler]
fn health(Data(telegram): Data<&Arc<Telegram>>) -> Response {
    let (status, word, detail) = match telegram.health() {
        BotHealth::Healthy => (StatusCode::OK, "healthy", None),
        BotHealth::Degraded(fault) => (StatusCode::OK, "degraded", Some(fault)),
        BotHealth::Refused => {
            (StatusCode::SERVICE_UNAVAILABLE, "unhealthy", Some("Telegram refuses the bot's token".to_owned()))
        }
    };
    Json(json!({"status": word, "bot": telegram.username(), "detail": detail})).with_status(status).into_response()
}
