//! Configuration of a host from flags and environment (feature `settings`).
//!
//! [`SettingsArgs`] is what was given, as text; [`SettingsArgs::resolve`] makes [`Settings`] of it, or names
//! every fault at once. Each setting is honoured by every host that flattens `SettingsArgs` into its own command line.

mod args;
mod database;
mod edge;
mod fault;
mod resolve;
#[cfg(test)]
mod tests;
mod types;
mod value;

pub use args::SettingsArgs;
pub use fault::Fault;
pub use types::{
    AiSettings, DatabaseSettings, Environment, HttpSettings, LogFormat, LogSettings, PlatformSettings, Settings,
};
