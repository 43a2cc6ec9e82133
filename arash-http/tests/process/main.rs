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
mod crash;
mod database;
mod fail_points;
mod ledger;
mod lifecycle;
mod load;
mod nodes;
#[cfg(target_os = "linux")]
mod outage;
mod program;
#[path = "../../../arash-core/tests/support/random.rs"]
mod random;
mod scene;
mod slow_upstream;
mod stopping;
#[path = "../../../arash-core/tests/support/upstream.rs"]
mod upstream;
