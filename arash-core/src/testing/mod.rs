//! What tests of this engine, of hosts and of your own parts need; behind the feature `testing`.

mod clock;
mod fault_proxy;
mod scripted;
pub mod store;

pub use clock::ManualClock;
pub use fault_proxy::FaultProxy;
pub use scripted::{Script, ScriptedProvider, Step};
