//! The program `arash-http`: reads the settings, opens the store, serves until it is told to stop.

mod cli;
mod console;
mod host;
mod logging;
#[cfg(feature = "otel")]
mod traces;

use std::process::ExitCode;

use arash_core::settings::Settings;
use arash_core::{Error, ErrorKind};
use clap::{CommandFactory, FromArgMatches};
use tokio::runtime::Runtime;

use cli::{Cli, Command, ConfigCommand};

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
    let matches = Cli::command().get_matches();
    let Cli { command, settings } = Cli::from_arg_matches(&matches).unwrap_or_else(|fault| fault.exit());
    let settings = settings.resolve();
    let command = command.unwrap_or(Command::Serve);
    match &command {
        Command::Openapi => console::say(&arash_http::openapi_document()),
        Command::Completions { shell } => console::say(&cli::completions(*shell)),
        Command::Webhook(webhook) => {
            return ended(webhook.clone().run().map(|said| console::say(&said)).map_err(Fault::from));
        }
        Command::Config(ConfigCommand::Check(check)) => {
            let faults = settings.as_ref().err().map(Vec::as_slice).unwrap_or_default();
            console::say(&check.run(&Cli::command(), &matches, faults));
            return settings.map_or_else(|faults| refuse(&faults), |_| ExitCode::SUCCESS);
        }
        _ => {
            return match settings {
                Ok(settings) => ended(perform(command, &settings)),
                Err(faults) => refuse(&faults),
            };
        }
    }
    ExitCode::SUCCESS
}

/// Does what needs settings.
fn perform(command: Command, settings: &Settings) -> Result<(), Fault> {
    let database = &settings.database;
    let said = match command {
        Command::Migrate(migrate) => Runtime::new()?.block_on(migrate.run(database))?,
        Command::Team(team) => Runtime::new()?.block_on(team.run(database))?,
        Command::Key(key) => Runtime::new()?.block_on(key.run(database))?,
        Command::Secrets(secrets) => Runtime::new()?.block_on(secrets.run(settings))?,
        _ => return serve(settings),
    };
    console::say(&said);
    Ok(())
}

/// Runs the service. When this returns, also with a fault, the log is written to its end.
fn serve(settings: &Settings) -> Result<(), Fault> {
    tell_what_has_no_effect(settings);
    let _log = logging::start(settings)?;
    let runtime = Runtime::new()?;
    let outcome = runtime.block_on(host::run(settings));
    if let (Err(fault), true) = (&outcome, settings.log.file.is_some()) {
        // Standard error is told anyway.
        tracing::error!(fault = %Chain(&**fault), "ended with a fault");
    }
    // Whoever ends it a second time does not wait for what still runs; else there is nothing left to wait for.
    runtime.shutdown_background();
    outcome
}

fn refuse(faults: &[arash_core::settings::Fault]) -> ExitCode {
    console::complain("the settings cannot be used:");
    for fault in faults {
        console::complain(&format!("  {fault}"));
    }
    ExitCode::from(USAGE)
}

fn ended(outcome: Result<(), Fault>) -> ExitCode {
    let Err(fault) = outcome else { return ExitCode::SUCCESS };
    let is_misuse = fault.downcast_ref::<Error>().is_some_and(|error| error.kind() == ErrorKind::InvalidInput);
    console::complain(&format!("{}", Chain(&*fault)));
    ExitCode::from(if is_misuse { USAGE } else { FAULT })
}

/// Settings of the contract whose parts are not built in yet: whoever sets one should not believe that it works.
const NO_EFFECT_YET: [&str; 1] = ["REDIS_URL"];

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
