//! The log, and the traces.

use arash_core::settings::{LogFile, Settings};
#[cfg(feature = "otel")]
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What the log needs to the program's end. When it is dropped, what is still to be written is.
#[must_use]
pub(crate) struct Log {
    #[cfg(feature = "otel")]
    _traces: Option<crate::traces::Traces>,
    _file: Option<LogFile>,
}

/// Starts the log.
///
/// # Errors
/// When the log file cannot be made.
pub(crate) fn start(settings: &Settings) -> Result<Log, crate::Fault> {
    #[cfg_attr(not(feature = "otel"), expect(unused_mut, reason = "traces are a layer more"))]
    let (mut layers, file) = settings.log.layers()?;
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
