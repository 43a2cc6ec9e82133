//! All figures as Prometheus reads them.

use std::sync::OnceLock;

use arash_core::clock::{Clock, SystemClock};
use arash_core::{Engine, Load};
use metrics::{describe_gauge, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::traffic;

/// Upper ends of the buckets of durations, in seconds.
const SECONDS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
/// Upper ends of the buckets of how many turns are written at once.
const TURNS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Where the figures of this process are gathered; `None` when the program has a recorder of its own, which has them.
pub(crate) fn recorder() -> Option<&'static PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    RECORDER.get_or_init(install).as_ref()
}

fn install() -> Option<PrometheusHandle> {
    let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS);
    let builder =
        builder.and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_turns".to_owned()), &TURNS));
    let recorder = builder.ok()?.build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::info!("this program records figures itself; /metrics has none");
        return None;
    }
    arash_core::metrics::describe();
    traffic::describe();
    describe();
    gauge!("arash_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1);
    gauge!("process_start_time_seconds").set(SystemClock.now().as_millis() as f64 / 1_000.0);
    Some(handle)
}

/// Told to be gathered now and then: what was timed takes memory until it is.
pub(crate) fn gather() {
    if let Some(recorder) = recorder() {
        recorder.run_upkeep();
    }
}

/// The figures, those of this moment included.
pub(crate) fn written(recorder: &PrometheusHandle, engine: &Engine) -> String {
    note_load(&engine.load());
    let health = engine.health();
    for (component, is_healthy) in [("database", health.database), ("ai_service", health.ai_service)] {
        gauge!("arash_component_healthy", "component" => component).set(u8::from(is_healthy));
    }
    if let Some(bytes) = resident_memory() {
        gauge!("process_resident_memory_bytes").set(bytes as f64);
    }
    recorder.render()
}

fn note_load(load: &Load) {
    gauge!("arash_turns_running").set(load.turns as f64);
    gauge!("arash_recorder_free_places").set(load.free_places as f64);
    gauge!("arash_recorder_waiting_writes").set(load.waiting_writes as f64);
    gauge!("arash_sessions_cached").set(load.sessions.cached as f64);
    gauge!("arash_sessions_cached_bytes").set(load.sessions.cached_bytes as f64);
    gauge!("arash_sessions_held").set(load.sessions.held as f64);
    gauge!("arash_sessions_waiting_messages").set(load.sessions.waiting as f64);
    gauge!("arash_webhook_attempts_running").set(load.webhooks.running as f64);
    gauge!("arash_webhook_events_waiting").set(load.webhooks.waiting as f64);
    gauge!("arash_database_connections").set(load.connections.open as f64);
    gauge!("arash_database_connections_in_use").set(load.connections.in_use as f64);
}

fn describe() {
    describe_gauge!("arash_build_info", "Always 1; the version is a label.");
    describe_gauge!("arash_component_healthy", "1 while the component is well, else 0.");
    describe_gauge!("arash_turns_running", "Turns that run or wait to be written.");
    describe_gauge!("arash_recorder_free_places", "How many more turns may run; with none, messages get 503.");
    describe_gauge!("arash_recorder_waiting_writes", "Beginnings and ends of turns that wait to be written.");
    describe_gauge!("arash_sessions_cached", "Sessions in memory that nobody works with.");
    describe_gauge!("arash_sessions_cached_bytes", "About how much memory these take.");
    describe_gauge!("arash_sessions_held", "Sessions that somebody works with.");
    describe_gauge!("arash_sessions_waiting_messages", "Messages that wait for their session.");
    describe_gauge!("arash_webhook_attempts_running", "Attempts to deliver webhook events that run.");
    describe_gauge!("arash_webhook_events_waiting", "Webhook events in memory that wait for their endpoint.");
    describe_gauge!("arash_database_connections", "Open connections to the database.");
    describe_gauge!("arash_database_connections_in_use", "Those of them that do something.");
    describe_gauge!("process_start_time_seconds", "When this process began to count, in seconds since 1970.");
    describe_gauge!("process_resident_memory_bytes", "Memory of this process that is not swapped out.");
}

/// In bytes, where the system tells.
fn resident_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib << 10)
}
