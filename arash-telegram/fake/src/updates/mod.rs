//! Updates: what the bot is told, by long polling or by a webhook.

mod allowed;
mod delivery;
mod polling;
mod queue;
mod webhook;

pub(crate) use delivery::deliver;
pub(crate) use polling::get_updates;
pub(crate) use queue::Updates;
pub(crate) use webhook::{delete_webhook, get_webhook_info, set_webhook};
