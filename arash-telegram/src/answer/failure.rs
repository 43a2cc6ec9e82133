//! What a person is told instead of an answer, or below what there is of it.

use arash_core::message::MessageKind;
use arash_core::{Error, ErrorKind};

use super::parts::Whole;
use super::{Answering, Question, Unanswered};
use crate::bot::Bot;
use crate::texts::Said;

impl Bot {
    /// Tells why a question is not answered, which was never asked of the engine.
    pub(crate) async fn refuse(&self, question: Question, error: Error) -> Result<(), Unanswered> {
        let mut answering = Answering::new(self, question);
        let told = answering.fail(error, String::new()).await;
        answering.mend(told).await
    }
}

impl Answering<'_> {
    /// Tells in one sentence what went wrong, below what came before that.
    pub(super) async fn fail(&mut self, error: Error, text: String) -> Result<(), Unanswered> {
        if self.bot.is_stopping() && error.kind() == ErrorKind::Unavailable {
            return Err(Unanswered::Later);
        }
        self.bot.failed(&error);
        // Where an answer was begun already, it has to end.
        if error.kind() == ErrorKind::RateLimited && !self.is_news(&error) && self.noted.messages.is_empty() {
            return Ok(());
        }
        let sentence = self.say(&self.said_of(&error));
        if !text.trim().is_empty() {
            let broken = self.say(&Said::BrokeOff);
            return self.show(Whole::of_part(&text).with_note(&broken)).await;
        }
        self.show(Whole::plain(&sentence)).await
    }

    /// What a person is told of an error; what the model cannot make anything of is named.
    fn said_of(&self, error: &Error) -> Said<'static> {
        let is_of_attachment = match error.kind() {
            // Services say no more than that they do not take it, and a text they take.
            ErrorKind::AiRefused => true,
            ErrorKind::InvalidInput => error.fields().iter().all(|fault| fault.field.starts_with("attachments")),
            _ => false,
        };
        let has = |kind| self.question.message.attachments.iter().any(|attachment| attachment.kind == kind);
        match () {
            () if !is_of_attachment => Said::of_failure(error),
            () if has(MessageKind::Audio) => Said::VoiceNotUnderstood,
            () if has(MessageKind::Image) => Said::ImagesNotSeen,
            () if has(MessageKind::Document) => Said::UnreadableDocument,
            () => Said::of_failure(error),
        }
    }

    /// Whether this person does not know yet that he writes too much.
    fn is_news(&self, limited: &Error) -> bool {
        let (chat, user) = (self.question.place.chat, self.question.user());
        self.bot.notices.tells_of_limit(chat, user, limited.retry_after().unwrap_or_default())
    }
}
