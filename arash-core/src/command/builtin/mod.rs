//! The commands that come with the engine, one file each.

mod clear;
mod help;
mod model;
mod models;
mod start;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::command::CommandHandler;

/// All of them, in the order in which they are listed.
pub(super) fn built_in_commands() -> [Arc<dyn CommandHandler>; 6] {
    [
        Arc::new(start::Start),
        Arc::new(help::Help),
        Arc::new(status::Status),
        Arc::new(clear::Clear),
        Arc::new(model::Model),
        Arc::new(models::Models),
    ]
}
