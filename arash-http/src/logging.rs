//! The log: to standard error, as text or JSON.

use std::io::IsTerminal;

use arash_core::settings::{LogFormat, LogSettings};
use tracing_subscriber::EnvFilter;

/// Starts the log.
pub(crate) fn start(settings: LogSettings) {
    // What libraries say below a warning is of no use to an operator.
    let filter =
        EnvFilter::new(format!("{0},poem=warn,hyper=warn,h2=warn,sqlx=warn,reqwest=warn,rustls=warn", settings.level));
    let filter = if settings.level == "off" { EnvFilter::new("off") } else { filter };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}
