//! The program `arash-telegram`: one bot on Telegram, with a store and an engine of its own.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use arash_core::Engine;
use arash_core::settings::{LogFile, LogSettings, Settings, SettingsArgs};
use arash_core::store::SqlStore;
use arash_telegram::{BotHealth, FluentTexts, Telegram};
use clap::{Command, CommandFactory, FromArgMatches, Parser};
use poem::http::StatusCode;
use poem::listener::TcpAcceptor;
use poem::web::{Data, Json};
use poem::{EndpointExt, IntoResponse, Response, Route, Server, get, handler};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// A fault that ended the program.
type Fault = Box<dyn std::error::Error + Send + Sync>;

const USAGE: u8 = 2;
/// Settings of the REST host that mean nothing to this one. Both may read one `.env`, so that none of them is a fault.
const WITHOUT_EFFECT: [&str; 10] = [
    "ENVIRONMENT",
    "ENABLE_API_DOCS",
    "CORS_ORIGINS",
    "METRICS_TOKEN",
    "INTERNAL_RATE_LIMIT",
    "INTERNAL_MAX_HISTORY",
    "INTERNAL_API_KEY",
    "INTERNAL_ADMIN_USERS",
    "RUN_TELEGRAM_BOT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];
/// Time for turns that were not finished to be recorded, at the end of the time that there is for stopping.
const LAST_TURNS: Duration = Duration::from_secs(5);
/// How long the first attempt to reach Telegram may hold up everything else.
const FIRST_ATTEMPT: Duration = Duration::from_secs(1);

#[expect(clippy::doc_markdown, reason = "these comments are the help text, which has no markup")]
/// A bot on Telegram that answers with an AI model.
///
/// Needs TELEGRAM_BOT_TOKEN. Everything else has a default: the offline assistant answers, and arash.db keeps what was said.
#[derive(Debug, Parser)]
#[command(name = "arash-telegram", version)]
struct Cli {
    #[command(flatten)]
    settings: SettingsArgs,
}

#[tokio::main]
async fn main() -> ExitCode {
    // Two TLS back ends are in the tree; whoever asks for the default one must get one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    drop(dotenvy::dotenv());
    let settings = match settings().resolve() {
        Ok(settings) => settings,
        Err(faults) => {
            complain("the settings cannot be used:");
            for fault in &faults {
                complain(&format!("  {fault}"));
            }
            return ExitCode::from(USAGE);
        }
    };
    // It lives until the last line is written.
    let (outcome, _log) = match start_log(&settings.log) {
        Ok(log) => (run(&settings).await, log),
        Err(fault) => (Err(fault.into()), None),
    };
    let Err(fault) = outcome else { return ExitCode::SUCCESS };
    if settings.log.file.is_some() {
        // Standard error is told anyway.
        tracing::error!(%fault, "ended with a fault");
    }
    complain(&fault.to_string());
    ExitCode::FAILURE
}

/// The command line: settings without effect are taken, but the help does not show them.
fn command() -> Command {
    let has_no_effect = |name: Option<&str>| name.is_some_and(|name| WITHOUT_EFFECT.contains(&name));
    Cli::command().mut_args(|argument| {
        let is_hidden = has_no_effect(argument.get_env().and_then(|name| name.to_str()));
        argument.hide(is_hidden)
    })
}

/// The settings as they are given. Whoever gives one that has no effect is told.
fn settings() -> SettingsArgs {
    let matches = command().get_matches();
    let given = |name: &&str| {
        let value = matches.get_raw(&name.to_ascii_lowercase());
        value.is_some_and(|mut values| values.any(|value| !value.is_empty()))
    };
    let given: Vec<&str> = WITHOUT_EFFECT.into_iter().filter(given).collect();
    if !given.is_empty() {
        complain(&format!("without effect on a bot alone: {}", given.join(", ")));
    }
    Cli::from_arg_matches(&matches).unwrap_or_else(|fault| fault.exit()).settings
}

async fn run(settings: &Settings) -> Result<(), Fault> {
    let mut signals = Signals::listen()?;
    let store = SqlStore::open_with(settings.database.url.expose(), settings.database.options).await?;
    let keyring = settings.sealing.keyring(&store).await?;
    let engine = settings.engine()?.texts(FluentTexts).keyring(keyring).store(store).build().await?;
    let stop = CancellationToken::new();
    let mut answering = std::pin::pin!(answer(settings, engine, stop.clone()));
    tokio::select! {
        outcome = &mut answering => return outcome,
        () = signals.next() => stop.cancel(),
    }
    tokio::select! {
        outcome = &mut answering => outcome,
        () = signals.next() => Err("ended at once by a second signal".into()),
    }
}

/// Answers until `stop`, then lets what runs come to its end.
async fn answer(settings: &Settings, engine: Engine, stop: CancellationToken) -> Result<(), Fault> {
    let outcome = serve(settings, engine.clone(), stop).await;
    engine.shutdown(LAST_TURNS).await;
    outcome
}

async fn serve(settings: &Settings, engine: Engine, stop: CancellationToken) -> Result<(), Fault> {
    let telegram = Arc::new(Telegram::new(engine, &settings.telegram, settings.http.image_limit())?);
    // A token that is refused at once is not worth a port.
    let first = tokio::time::timeout(FIRST_ATTEMPT, telegram.reach()).await;
    let is_reached = first.unwrap_or(Ok(false))?;
    let (host, port) = (settings.http.host.as_str(), settings.http.port);
    let listener = TcpListener::bind((host, port))
        .await
        .map_err(|fault| format!("cannot listen on {host} port {port}: {fault}"))?;
    if !is_reached {
        say(&format!("Telegram cannot be reached yet; its health is at http://{}/health", listener.local_addr()?));
    }
    let mut routes = Route::new().at("/health", get(health.data(Arc::clone(&telegram))));
    if let Some((path, route)) = telegram.route() {
        routes = routes.at(path, route);
    }
    let address = listener.local_addr()?;
    let server = Server::new_with_acceptor(TcpAcceptor::from_tokio(listener)?);
    let deadline = Some(settings.http.shutdown_deadline.saturating_sub(LAST_TURNS));
    let serving = server.run_with_graceful_shutdown(routes, stop.clone().cancelled_owned(), deadline);
    let answering = async {
        tokio::select! {
            reached = telegram.until_reached() => reached?,
            () = stop.cancelled() => return Ok(()),
        }
        say(&format!("@{} answers; its health is at http://{address}/health", telegram.username().unwrap_or_default()));
        telegram.run(stop.clone()).await;
        Ok::<_, Fault>(())
    };
    let serving = async { serving.await.map_err(Fault::from) };
    tokio::try_join!(serving, answering)?;
    Ok(())
}

/// How the bot is doing: 503 when it cannot answer until somebody does something.
#[handler]
fn health(Data(telegram): Data<&Arc<Telegram>>) -> Response {
    let (status, word, detail) = match telegram.health() {
        BotHealth::Healthy => (StatusCode::OK, "healthy", None),
        BotHealth::Degraded(fault) => (StatusCode::OK, "degraded", Some(fault)),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy", Some("Telegram refuses the bot's token".to_owned())),
    };
    Json(json!({"status": word, "bot": telegram.username(), "detail": detail})).with_status(status).into_response()
}

/// The signals that end the program.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From here on they end nothing by themselves.
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn start_log(log: &LogSettings) -> std::io::Result<Option<LogFile>> {
    let (layers, file) = log.layers()?;
    tracing_subscriber::registry().with(layers).init();
    Ok(file)
}

#[expect(clippy::print_stdout, reason = "what the operator asked for goes to standard output")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "there may be no log yet")]
fn complain(text: &str) {
    eprintln!("arash-telegram: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_shows_what_has_an_effect_and_nothing_else() {
        let mut command = command();
        command.clone().debug_assert();
        let help = command.render_long_help().to_string();
        for name in WITHOUT_EFFECT {
            let argument = Cli::command();
            let known = argument.get_arguments().find(|it| it.get_env().is_some_and(|it| it == name));
            assert_eq!(known.map(|it| it.get_id().as_str()), Some(&*name.to_ascii_lowercase()));
            assert!(!help.contains(&format!("[env: {name}")), "{name}");
        }
        assert!(help.contains("TELEGRAM_MODELS") && help.contains("LOG_FILE"), "{help}");
    }
}
