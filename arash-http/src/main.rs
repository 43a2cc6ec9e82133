//! The program `arash-http`: reads the settings, opens the store, serves until it is told to stop.

mod cli;
mod console;
mod logging;
#[cfg(feature = "otel")]
mod traces;

use std::process::ExitCode;

use arash_core::Engine;
use arash_core::settings::{DatabaseSettings, Settings};
use arash_core::store::SqlStore;
use clap::Parser;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use cli::{Cli, Command};

/// A fault that ended the program.
type Fault = Box<dyn std::error::Error + Send + Sync>;

const FAULT: u8 = 1;
const USAGE: u8 = 2;

fn main() -> ExitCode {
    // Two TLS back ends are in the tree; whoever asks for the default one must get one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    if let Err(fault) = read_env_file() {
        console::complain(&fault);
        return ExitCode::from(USAGE);
    }
    let Cli { command, settings } = Cli::parse();
    if matches!(command, Some(Command::Openapi)) {
        console::say(&arash_http::openapi_document());
        return ExitCode::SUCCESS;
    }
    let settings = match settings.resolve() {
        Ok(settings) => settings,
        Err(faults) => {
            console::complain("the settings cannot be used:");
            for fault in &faults {
                console::complain(&format!("  {fault}"));
            }
            return ExitCode::from(USAGE);
        }
    };
    tell_what_has_no_effect(&settings);
    match start(&settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            console::complain(&format!("{}", Chain(&*fault)));
            ExitCode::from(FAULT)
        }
    }
}

/// Runs the program. When this returns, also with a fault, the log is written to its end.
fn start(settings: &Settings) -> Result<(), Fault> {
    let _log = logging::start(settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(run(settings));
    if let (Err(fault), true) = (&outcome, settings.log.file.is_some()) {
        // Standard error is told anyway.
        tracing::error!(fault = %Chain(&**fault), "ended with a fault");
    }
    // Whoever ends it a second time does not wait for what still runs; else there is nothing left to wait for.
    runtime.shutdown_background();
    outcome
}

/// Settings of the contract whose parts are not built in yet: whoever sets one should not believe that it works.
const NO_EFFECT_YET: [&str; 12] = [
    "REDIS_URL",
    "RUN_TELEGRAM_BOT",
    "TELEGRAM_ADMIN_USERS",
    "TELEGRAM_API_URL",
    "TELEGRAM_BOT_TOKEN",
    "TELEGRAM_COMMANDS",
    "TELEGRAM_DEFAULT_MODEL",
    "TELEGRAM_MAX_HISTORY",
    "TELEGRAM_MODELS",
    "TELEGRAM_RATE_LIMIT",
    "TELEGRAM_WEBHOOK_URL",
    "WEBHOOK_ALLOW_PRIVATE",
];

fn tell_what_has_no_effect(settings: &Settings) {
    let is_set = |name: &&&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let names: Vec<&str> = NO_EFFECT_YET.iter().filter(is_set).copied().collect();
    if !names.is_empty() {
        console::complain(&format!("not built into this version yet, and without effect: {}", names.join(", ")));
    }
    if settings.trace_endpoint.is_some() && !cfg!(feature = "otel") {
        console::complain(
            "OTEL_EXPORTER_OTLP_ENDPOINT is without effect: this program was built without the feature otel",
        );
    }
}

/// Puts what `.env` says into the environment, where that does not say otherwise.
fn read_env_file() -> Result<(), String> {
    match dotenvy::dotenv() {
        Ok(_) => Ok(()),
        Err(dotenvy::Error::Io(fault)) if fault.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(dotenvy::Error::Io(fault)) => Err(format!(".env cannot be read: {fault}")),
        // The line itself may hold a secret.
        Err(_) => Err(".env has a line that is not of the form NAME=value".to_owned()),
    }
}

async fn run(settings: &Settings) -> Result<(), Fault> {
    let stop = Stop::listen()?;
    let store = open_store(&settings.database).await?;
    let engine = settings.engine()?.store(store).build().await?;
    let listener = match listen(settings).await {
        Ok(listener) => listener,
        Err(fault) => {
            engine.shutdown(std::time::Duration::from_secs(5)).await;
            return Err(fault);
        }
    };
    greet(&engine, settings, &listener).await?;
    serve(engine, settings, listener, stop).await
}

/// Answers requests until the first signal, then lets those that run come to their end, but not beyond a second one.
async fn serve(engine: Engine, settings: &Settings, listener: TcpListener, mut stop: Stop) -> Result<(), Fault> {
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let told = async {
        // Told, or nobody is left who could tell.
        let _ = told.await;
    };
    let mut serving = std::pin::pin!(arash_http::serve(engine, &settings.http, listener, told));
    tokio::select! {
        outcome = &mut serving => return Ok(outcome?),
        () = stop.wait() => drop(tell),
    }
    tokio::select! {
        outcome = &mut serving => Ok(outcome?),
        () = stop.wait() => Err("ended at once by a second signal".into()),
    }
}

async fn open_store(database: &DatabaseSettings) -> arash_core::Result<SqlStore> {
    SqlStore::open_with(database.url.expose(), database.options).await
}

async fn listen(settings: &Settings) -> Result<TcpListener, Fault> {
    let (host, port) = (settings.http.host.as_str(), settings.http.port);
    TcpListener::bind((host, port))
        .await
        .map_err(|fault| format!("cannot listen on {host} port {port}: {fault}").into())
}

/// Makes the first admin key if there is none yet, and tells where the service is.
async fn greet(engine: &Engine, settings: &Settings, listener: &TcpListener) -> Result<(), Fault> {
    let first = engine.keys().create_first(settings.first_api_key.clone()).await?;
    let address = format!("http://{}", listener.local_addr()?);
    match (&first, &settings.first_api_key) {
        (Some(issued), None) => {
            console::say(&format!("\nAdmin API key (shown once): {}\n", issued.secret.expose()));
        }
        (None, Some(own)) if engine.authenticate(own.expose()).await.is_err() => {
            console::complain("INTERNAL_API_KEY is not used: there are keys already, and it is none of them");
        }
        _ => {}
    }
    console::say(&format!("arash-http listens on {address}"));
    console::say(&format!("Try: {}", first_request(&address)));
    Ok(())
}

fn first_request(address: &str) -> String {
    format!(
        "curl {address}/api/v1/chat -H 'Authorization: Bearer <key>' -H 'Content-Type: application/json' \
         -d '{{\"user_id\":\"me\",\"chat_id\":\"first\",\"text\":\"Hello\"}}'"
    )
}

/// The signals that end the program.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// From here on they end nothing by themselves.
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// A fault with what is behind it, in one line.
struct Chain<'a>(&'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(fault) = source {
            write!(f, ": {fault}")?;
            source = fault.source();
        }
        Ok(())
    }
}
