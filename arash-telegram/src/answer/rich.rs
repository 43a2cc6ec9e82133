//! A model's answer as one rich message.

use std::sync::atomic::Ordering;

use super::{Answering, Unanswered};
use crate::markdown::rich_message;
use crate::outgoing::Content;

impl Answering<'_> {
    /// Shows an answer as a rich message, if that is wanted and can be; tells whether it is shown.
    pub(super) async fn show_rich(&mut self, source: &str) -> Result<bool, Unanswered> {
        let is_wanted = self.bot.has_rich_messages.load(Ordering::Relaxed);
        let Some(rich) = is_wanted.then(|| rich_message(source)).flatten() else { return Ok(false) };
        match self.finish(&[Content::rich(rich)]).await {
            Ok(()) => Ok(true),
            // What is the matter with the chat or the token is found again without it.
            Err(refused) if refused.code().is_some() => {
                tracing::info!(%refused, "an answer is shown without a rich message");
                if refused.is_rich_unknown() {
                    self.bot.has_rich_messages.store(false, Ordering::Relaxed);
                }
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}
