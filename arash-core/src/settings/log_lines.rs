//! The lines of the log: to standard error, as text or JSON, and to a file a day if there is to be one.

use std::io::{self, IsTerminal};
use std::path::Path;

use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use crate::settings::{LogFormat, LogSettings};

/// What libraries say below a warning is of no use to an operator, and some say what is secret.
const LIBRARIES: [&str; 9] = ["poem", "hyper", "h2", "sqlx", "reqwest", "rustls", "opentelemetry", "mio", "tower"];

/// One place that log lines go to.
pub type LogLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// What a log file needs to the program's end. When it is dropped, what is still to be written is.
#[derive(Debug)]
#[must_use]
pub struct LogFile {
    _writer: WorkerGuard,
}

impl LogSettings {
    /// The places that lines go to, to be given to a subscriber; and what has to live as long as it, if there is a file.
    ///
    /// # Errors
    /// When the log file cannot be made.
    pub fn layers(&self) -> io::Result<(Vec<LogLayer>, Option<LogFile>)> {
        // Colours of the one must not find their way into the other.
        let has_colours = self.file.is_none() && io::stderr().is_terminal();
        let mut layers = vec![self.layer(has_colours, io::stderr)];
        let file = self.file.as_deref().map(file_of_the_day).transpose()?;
        let file = file.map(|(lines, writer)| {
            layers.push(self.layer(false, lines));
            LogFile { _writer: writer }
        });
        Ok((layers, file))
    }

    fn layer<W>(&self, has_colours: bool, writer: W) -> LogLayer
    where
        W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    {
        let lines = fmt::layer().with_writer(writer);
        match self.format {
            LogFormat::Text => lines.with_ansi(has_colours).with_filter(filter(self.level)).boxed(),
            LogFormat::Json => lines.json().flatten_event(true).with_filter(filter(self.level)).boxed(),
        }
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
fn file_of_the_day(path: &Path) -> io::Result<(NonBlocking, WorkerGuard)> {
    let refused = |fault: &dyn std::fmt::Display| {
        io::Error::other(format!("LOG_FILE: {} cannot be written: {fault}", path.display()))
    };
    // The link has to lead to the file from wherever it is looked at.
    let path = std::path::absolute(path).map_err(|fault| refused(&fault))?;
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err(refused(&"it is no name of a file"));
    };
    std::fs::create_dir_all(folder).map_err(|fault| refused(&fault))?;
    if path.is_dir() {
        return Err(refused(&"it is a folder"));
    }
    let files = || RollingFileAppender::builder().rotation(Rotation::DAILY).filename_prefix(name);
    // A file that somebody else made must not give way to the link.
    let is_free = path.symlink_metadata().map_or(true, |there| there.is_symlink());
    let linked = is_free.then(|| files().latest_symlink(name).build(folder).ok()).flatten();
    let file = linked.map_or_else(|| files().build(folder), Ok).map_err(|fault| refused(&fault))?;
    Ok(tracing_appender::non_blocking(file))
}
