//! What tests of this engine, of hosts and of your own parts need; behind the feature `testing`.

mod clock;
mod fault_proxy;
#[cfg(feature = "postgres")]
mod postgres;
mod scripted;
mod sse;
pub mod store;

pub use clock::ManualClock;
pub use fault_proxy::FaultProxy;
#[cfg(feature = "postgres")]
pub use postgres::PostgresDatabase;
pub use scripted::{Script, ScriptedProvider, Step};
pub use sse::sse_is_the_same_however_it_is_cut;
