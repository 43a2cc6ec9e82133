//! For tests: a clock to turn, and the conformance suite that every back end runs (feature `testing`).

mod clock;
pub mod store;

pub use clock::ManualClock;
