//! What the program does beside serving: for operators, on the machine, with the database and without a key.

mod config;
mod directory;
mod key;
mod migrate;
mod output;
mod secrets;
mod team;
mod webhook;

pub use config::ConfigCheck;
pub use key::{CreateKey, KeyCommand, ListKeys, RevokeKey};
pub use migrate::Migrate;
pub use output::Output;
pub use secrets::{GiveUpLost, NewSealingKey, Reseal, SecretsCommand};
pub use team::{CreateTeam, ListTeams, TeamCommand};
pub use webhook::{Verify, WebhookCommand};
