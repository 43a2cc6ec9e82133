//! The program itself: started, asked, stopped, killed and started again.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails here")]

mod bad_upstream;
mod crash;
mod lifecycle;
mod program;
#[path = "../../../arash-core/tests/support/upstream.rs"]
mod upstream;
