//! The log: to standard error, as text or JSON, and to a file a day if there is to be one. And the traces.

use std::io::{self, IsTerminal};
use std::path::Path;

use arash_core::settings::{LogFormat, LogSettings, Settings};
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

/// What libraries say below a warning is of no use to an operator, and some say what is secret.
const LIBRARIES: [&str; 9] = ["poem", "hyper", "h2", "sqlx", "reqwest", "rustls", "opentelemetry", "mio", "tower"];

type AnyLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// What the log needs to the program's end. When it is dropped, what is still to be written is.
#[must_use]
pub(crate) struct Log {
    #[cfg(feature = "otel")]
    _traces: Option<crate::traces::Traces>,
    _file: Option<WorkerGuard>,
}

/// Starts the log.
///
/// # Errors
/// When the log file cannot be made.
pub(crate) fn start(settings: &Settings) -> Result<Log, crate::Fault> {
    let log = &settings.log;
    // Colours of the one must not find their way into the other.
    let has_colours = log.file.is_none() && io::stderr().is_terminal();
    let mut layers = vec![layer(log, has_colours, io::stderr)];
    let file = log.file.as_deref().map(file_of_the_day).transpose()?;
    let file = file.map(|(writer, guard)| {
        layers.push(layer(log, false, writer));
        guard
    });
    #[cfg(feature = "otel")]
    let traces = settings.trace_endpoint.as_ref().map(|endpoint| traces(endpoint, settings.environment)).transpose()?;
    #[cfg(feature = "otel")]
    layers.extend(traces.iter().map(|traces| traces.layer().boxed()));
    tracing_subscriber::registry().with(layers).init();
    Ok(Log {
        #[cfg(feature = "otel")]
        _traces: traces,
        _file: file,
    })
}

#[cfg(feature = "otel")]
fn traces(
    endpoint: &arash_core::Secret,
    environment: arash_core::settings::Environment,
) -> Result<crate::traces::Traces, crate::Fault> {
    crate::traces::Traces::to(endpoint, environment.as_str())
}

fn layer<W>(settings: &LogSettings, has_colours: bool, writer: W) -> AnyLayer
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_writer(writer);
    match settings.format {
        LogFormat::Text => lines.with_ansi(has_colours).with_filter(filter(settings.level)).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter(settings.level)).boxed(),
    }
}

fn filter(level: &str) -> EnvFilter {
    if level == "off" {
        return EnvFilter::new(level);
    }
    EnvFilter::new(LIBRARIES.iter().fold(level.to_owned(), |filter, library| format!("{filter},{library}=warn")))
}

/// The file of this day beside `path`, which is made a link to it. Lines are written by a thread of their own; should
/// the disk not keep up with very many, the newest are lost rather than that requests wait for it.
fn file_of_the_day(path: &Path) -> Result<(NonBlocking, WorkerGuard), crate::Fault> {
    let refused = |fault: &dyn std::fmt::Display| format!("LOG_FILE: {} cannot be written: {fault}", path.display());
    // The link has to lead to the file from wherever it is looked at.
    let path = std::path::absolute(path).map_err(|fault| refused(&fault))?;
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err(refused(&"it is no name of a file").into());
    };
    std::fs::create_dir_all(folder).map_err(|fault| refused(&fault))?;
    if path.is_dir() {
        return Err(refused(&"it is a folder").into());
    }
    let files = || RollingFileAppender::builder().rotation(Rotation::DAILY).filename_prefix(name);
    // A file that somebody else made must not give way to the link.
    let is_free = path.symlink_metadata().map_or(true, |there| there.is_symlink());
    let linked = is_free.then(|| files().latest_symlink(name).build(folder).ok()).flatten();
    let file = linked.map_or_else(|| files().build(folder), Ok).map_err(|fault| refused(&fault))?;
    Ok(tracing_appender::non_blocking(file))
}
