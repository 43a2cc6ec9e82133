use arash_core::id::UpdateId;

use crate::answer::messages::{Messages, Step};
use crate::answer::{Progress, Unanswered};
use crate::api::{ApiError, Upload};
use crate::bot::Bot;
use crate::incoming::Origin;
use crate::outgoing::Content;

/// What is shown in answer to one update, and noted with it: whoever goes on after a crash goes on with the same messages.
pub(super) struct Noted<'a> {
    bot: &'a Bot,
    update_id: UpdateId,
    pub(super) messages: Messages<'a>,
    pub(super) progress: Progress,
}

impl<'a> Noted<'a> {
    /// Goes on where an earlier holder of the update came to.
    pub(super) fn new(bot: &'a Bot, origin: &Origin, progress: &Progress) -> Self {
        let messages = Messages::new(&bot.outgoing, origin.lane, origin.reply_to(), &progress.messages);
        Self { bot, update_id: UpdateId(origin.update_id), messages, progress: progress.clone() }
    }

    /// Makes the messages show all of `parts`, and nothing else.
    pub(super) async fn show(&mut self, parts: &[Content]) -> Result<(), ApiError> {
        loop {
            let before = self.messages.ids();
            let step = self.messages.finish(parts).await?;
            if self.messages.ids() != before {
                self.note().await;
            }
            if step == Step::Complete {
                break;
            }
        }
        self.messages.truncate(parts.len()).await;
        Ok(())
    }

    /// Sends the document of the answer, unless that is known to be there.
    ///
    /// It is noted only after it was sent: who dies in between leaves an answer whose document comes once more. Noted
    /// before, it would never come to some, and without it they have but the beginning of their answer. A message that was
    /// a text cannot be relied on to become a document by an edit, which would be safe to repeat.
    pub(super) async fn send_document(&mut self, document: Upload) -> Result<(), Unanswered> {
        if self.progress.has_document {
            return Ok(());
        }
        self.messages.send_document(document).await?;
        self.progress.has_document = true;
        self.note().await;
        Ok(())
    }

    /// Notes how far this has come. If it cannot be noted, a crash now may leave a placeholder behind, or send a document
    /// twice, and nothing worse.
    pub(super) async fn note(&mut self) {
        self.progress.messages = self.messages.ids();
        self.bot.intake.note(self.update_id, &self.progress.to_json()).await;
    }
}

impl Bot {
    /// Shows a message of the host's own, as the whole answer to an update.
    pub(crate) async fn show(&self, origin: &Origin, progress: &Progress, content: Content) -> Result<(), Unanswered> {
        Ok(Noted::new(self, origin, progress).show(&[content]).await?)
    }
}
