//! Configuration of a host from flags and environment (feature `settings`).
//!
//! [`SettingsArgs`] is what was given, as text; [`SettingsArgs::resolve`] makes [`Settings`] of it, or names
//! every fault at once. Each setting is honoured by every host that flattens `SettingsArgs` into its own command line.

mod ai;
mod ai_file;
#[cfg(test)]
mod ai_file_tests;
mod args;
mod database;
mod edge;
mod fault;
mod key_file;
mod log_lines;
mod models;
mod resolve;
mod sealing;
mod telegram;
#[cfg(test)]
mod tests;
mod toml_table;
mod types;
mod upstreams;
mod value;

pub use ai::{AiSettings, ModelSettings, UpstreamKind, UpstreamSettings};
pub use args::SettingsArgs;
pub use fault::Fault;
pub use key_file::KeyFile;
pub use log_lines::{LogFile, LogLayer};
pub use sealing::SealingSettings;
pub use telegram::TelegramSettings;
pub use types::{DatabaseSettings, Environment, HttpSettings, LogFormat, LogSettings, PlatformSettings, Settings};
