//! Traces to an OpenTelemetry collector, by OTLP over HTTP. What is traced are the program's own spans: requests,
//! turns, calls of the AI provider, transactions. No word of a message and no event of the log is in them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arash_core::Secret;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::registry::LookupSpan;

/// Longest wait for the last traces to be taken, when the program ends.
const LAST_EXPORT: Duration = Duration::from_secs(2);
/// The parts of the program whose spans are traced.
const OWN: &str = "arash_";

/// Sends traces; what is left of them is sent when this is dropped.
#[derive(Debug)]
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// To the collector at `endpoint`, to which `/v1/traces` is added.
    pub(crate) fn to(endpoint: &Secret, environment: &'static str) -> Result<Self, crate::Fault> {
        let url = format!("{}/v1/traces", endpoint.expose().trim_end_matches('/'));
        // The fault might name the address, which may hold a password.
        let exporter = OtlpExporter::builder().with_http().with_endpoint(url).build();
        let exporter = exporter.map_err(|_| "the exporter of traces could not be made")?;
        let facts = [
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("deployment.environment.name", environment),
        ];
        let resource = Resource::builder().with_attributes(facts);
        let is_named = std::env::var_os("OTEL_SERVICE_NAME").is_some_and(|name| !name.is_empty());
        let resource = if is_named { resource } else { resource.with_service_name("arash-http") };
        let exporter = Watched { exporter, is_failing: AtomicBool::new(false) };
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build());
        Ok(Self(provider.build()))
    }

    /// Takes the spans of the program.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        let tracer = self.0.tracer("arash");
        let is_own = FilterFn::new(|metadata| metadata.is_span() && metadata.target().starts_with(OWN));
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_filter(is_own.with_max_level_hint(tracing::Level::DEBUG))
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if self.0.shutdown_with_timeout(LAST_EXPORT).is_err() {
            tracing::warn!("the last traces could not be sent");
        }
    }
}

/// Tells the operator when traces cannot be sent, once each time that begins. What the exporter itself says of it may
/// name the address with its password.
#[derive(Debug)]
struct Watched {
    exporter: OtlpExporter,
    is_failing: AtomicBool,
}

impl SpanExporter for Watched {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let outcome = self.exporter.export(batch).await;
        if outcome.is_err() && !self.is_failing.swap(true, Ordering::Relaxed) {
            tracing::warn!(spans, "traces could not be sent to the collector");
        }
        if outcome.is_ok() && self.is_failing.swap(false, Ordering::Relaxed) {
            tracing::info!("traces can be sent to the collector again");
        }
        outcome
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
