//! The program itself: started, asked, stopped, killed and started again.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that cannot go on fails here, and says how to repeat it"
)]

mod bad_upstream;
mod chores;
mod commands;
mod crash;
mod database;
mod fail_points;
mod figures;
#[cfg(target_os = "linux")]
mod file_descriptors;
mod ledger;
mod lifecycle;
mod load;
mod log_file;
mod nodes;
#[cfg(target_os = "linux")]
mod outage;
mod program;
#[path = "../../../arash-core/tests/support/random.rs"]
mod random;
mod readme;
mod scene;
#[cfg(unix)]
mod sealing;
mod secrets;
mod slow_upstream;
mod stopping;
mod telegram;
#[cfg(feature = "otel")]
mod traces;
#[path = "../../../arash-core/tests/support/upstream.rs"]
mod upstream;
mod webhook_crash;
mod webhook_secrets;
