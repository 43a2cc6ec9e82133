//! The trace that a request belongs to, as its client tells in the header `traceparent` (W3C Trace Context).

use poem::http::HeaderMap;
use tracing::Span;

/// Makes `span` a part of the client's trace, if it told one.
#[cfg(feature = "otel")]
pub(crate) fn continue_from(headers: &HeaderMap, span: &Span) {
    use opentelemetry::propagation::TextMapPropagator;
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    if span.is_disabled() || !headers.contains_key("traceparent") {
        return;
    }
    let context = TraceContextPropagator::new().extract(&Carried(headers));
    // Where nobody traces, there is nothing to be a part of.
    let _ = span.set_parent(context);
}

#[cfg(feature = "otel")]
struct Carried<'a>(&'a HeaderMap);

#[cfg(feature = "otel")]
impl opentelemetry::propagation::Extractor for Carried<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(poem::http::HeaderName::as_str).collect()
    }
}

/// Without the feature `otel` nobody is told of spans.
#[cfg(not(feature = "otel"))]
pub(crate) fn continue_from(_headers: &HeaderMap, _span: &Span) {}
