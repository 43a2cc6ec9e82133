//! Where updates come from: Telegram is asked for them, or brings them.

mod polling;
mod webhook;

use teloxide::types::AllowedUpdate;

pub(crate) use polling::poll;
pub(crate) use webhook::{Webhook, WebhookRoute, stay_registered};

/// The kinds of updates that are asked for, in full: what is left out would stay as it was set before.
const ALLOWED: [AllowedUpdate; 4] =
    [AllowedUpdate::Message, AllowedUpdate::EditedMessage, AllowedUpdate::CallbackQuery, AllowedUpdate::MyChatMember];
