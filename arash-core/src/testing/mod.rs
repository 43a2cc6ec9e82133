//! What tests of this engine, of hosts and of your own parts need; behind the feature `testing`.

mod clock;
mod scripted;
pub mod store;

pub use clock::ManualClock;
pub use scripted::{Script, ScriptedProvider, Step};
