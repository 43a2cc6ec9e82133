//! The program `arash-telegram`: one bot on Telegram, with a store and an engine of its own.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use arash_core::Engine;
use arash_core::settings::{LogFormat, LogSettings, Settings, SettingsArgs};
use arash_core::store::SqlStore;
use arash_telegram::{BotHealth, FluentTexts, Telegram};
use clap::Parser;
use poem::http::StatusCode;
use poem::listener::TcpAcceptor;
use poem::web::{Data, Json};
use poem::{EndpointExt, IntoResponse, Response, Route, Server, get, handler};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// A fault that ended the program.
type Fault = Box<dyn std::error::Error + Send + Sync>;

const USAGE: u8 = 2;
/// How long the first attempt to reach Telegram may hold up everything else.
const FIRST_ATTEMPT: Duration = Duration::from_secs(1);
/// What libraries say below a warning is of no use to an operator, and some say what is secret.
const LIBRARIES: [&str; 8] = ["poem", "hyper", "h2", "sqlx", "reqwest", "rustls", "mio", "tower"];

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
    let settings = match Cli::parse().settings.resolve() {
        Ok(settings) => settings,
        Err(faults) => {
            complain("the settings cannot be used:");
            for fault in &faults {
                complain(&format!("  {fault}"));
            }
            return ExitCode::from(USAGE);
        }
    };
    start_log(&settings.log);
    match run(&settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            complain(&fault.to_string());
            ExitCode::FAILURE
        }
    }
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
    engine.shutdown(settings.http.shutdown_deadline).await;
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
    let deadline = Some(settings.http.shutdown_deadline);
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

fn start_log(log: &LogSettings) {
    let filter = LIBRARIES.iter().fold(log.level.to_owned(), |filter, library| format!("{filter},{library}=warn"));
    let lines = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(filter)).with_writer(std::io::stderr);
    match log.format {
        LogFormat::Json => lines.json().init(),
        LogFormat::Text => lines.init(),
    }
}

#[expect(clippy::print_stdout, reason = "what the operator asked for goes to standard output")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "there may be no log yet")]
fn complain(text: &str) {
    eprintln!("arash-telegram: {text}");
}
