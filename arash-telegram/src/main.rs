//! The program `arash-telegram`: one bot on Telegram, with a store and an engine of its own.

use std::process::ExitCode;
use std::time::Duration;

use arash_core::Engine;
use arash_core::settings::{LogFile, LogSettings, Settings, SettingsArgs};
use arash_core::store::SqlStore;
use arash_telegram::FluentTexts;
use clap::{Command, CommandFactory, FromArgMatches, Parser};
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
/// Time for turns that were not finished to be recorded, after that for running answers.
const LAST_TURNS: Duration = Duration::from_secs(5);

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
    let outcome = arash_telegram::run(engine.clone(), settings, stop, say).await;
    engine.shutdown(LAST_TURNS).await;
    Ok(outcome?)
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
