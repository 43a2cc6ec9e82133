//! What tests of this engine, of hosts and of your own parts need; behind the feature `testing`.

mod scripted;

pub use scripted::{Script, ScriptedProvider, Step};
