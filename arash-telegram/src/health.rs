//! Whether the bot hears and is heard.

use std::sync::{Mutex, PoisonError};

/// How a bot is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BotHealth {
    /// Updates come and can be stored.
    #[default]
    Healthy,
    /// Updates do not come at the moment, or storage refuses them: what is wrong, in words for an operator.
    Degraded(String),
    /// Telegram refuses the token. Nothing is sent any more.
    Refused,
}

#[derive(Debug, Default)]
pub(crate) struct Health {
    fault: Mutex<Option<String>>,
}

impl Health {
    /// Updates come.
    pub(crate) fn polls(&self) {
        *self.lock() = None;
    }

    /// Updates do not come.
    pub(crate) fn fails(&self, fault: &str) {
        *self.lock() = Some(fault.to_owned());
    }

    pub(crate) fn fault(&self) -> Option<String> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
