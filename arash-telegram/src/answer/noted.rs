use arash_core::id::{TurnId, UpdateId};

use crate::answer::messages::{Messages, Step};
use crate::answer::running::RunningTurn;
use crate::answer::{Progress, Unanswered};
use crate::api::{ApiError, Upload};
use crate::bot::Bot;
use crate::incoming::{Lane, Origin};
use crate::outgoing::Content;
use crate::texts::{Said, say};

/// What is shown in answer to one update, and noted with it: whoever goes on after a crash goes on with the same messages.
pub(super) struct Noted<'a> {
    bot: &'a Bot,
    update_id: UpdateId,
    pub(super) messages: Messages<'a>,
    pub(super) progress: Progress,
    /// The turn that makes the answer, once it has begun.
    running: Option<RunningTurn<'a>>,
}

impl<'a> Noted<'a> {
    /// Goes on where an earlier holder of the update came to.
    pub(super) fn new(bot: &'a Bot, origin: &Origin, progress: &Progress) -> Self {
        let place = progress.moved_to.map_or_else(|| bot.moved.place(origin.lane), Lane::of_chat);
        let reply_to = origin.reply_to().filter(|_| place == origin.lane);
        let messages = Messages::new(&bot.outgoing, place, reply_to, &progress.messages);
        Self { bot, update_id: UpdateId(origin.update_id), messages, progress: progress.clone(), running: None }
    }

    /// This turn makes the answer; from here on it can be stopped.
    pub(super) fn enter(&mut self, turn: TurnId) {
        self.running = Some(self.bot.running.enter(turn, self.messages.place(), &self.messages.ids()));
    }

    /// Adds a message that shows `content` for now.
    pub(super) async fn open(&mut self, content: Content) -> Result<(), ApiError> {
        while let Err(error) = self.messages.open(content.clone()).await {
            self.go_after(error)?;
        }
        self.note().await;
        Ok(())
    }

    /// Makes the messages show all of `parts`, and nothing else.
    pub(super) async fn show(&mut self, parts: &[Content]) -> Result<(), ApiError> {
        loop {
            let before = self.messages.ids();
            let step = match self.messages.finish(parts).await {
                Ok(step) => step,
                Err(error) => {
                    self.go_after(error)?;
                    continue;
                }
            };
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
        while let Err(error) = self.messages.send_document(document.clone()).await {
            self.go_after(error)?;
        }
        self.progress.has_document = true;
        self.note().await;
        Ok(())
    }

    /// Notes how far this has come. If it cannot be noted, a crash now may leave a placeholder behind, or send a document
    /// twice, and nothing worse.
    pub(super) async fn note(&mut self) {
        self.progress.messages = self.messages.ids();
        if let Some(running) = &self.running {
            running.is_shown(self.messages.place(), &self.progress.messages);
        }
        self.bot.intake.note(self.update_id, &self.progress.to_json()).await;
    }

    /// Where Telegram has not taken what was to be shown, tells in one sentence that something went wrong: by an edit, and
    /// where it takes none, in a message of its own. That this fails is not told again.
    pub(super) async fn mend(
        &mut self,
        shown: Result<(), Unanswered>,
        language: Option<&str>,
    ) -> Result<(), Unanswered> {
        if !matches!(shown, Err(Unanswered::Refused)) || self.messages.is_empty() {
            return shown;
        }
        let content = Content::plain(say(&Said::Defect, language));
        match self.show(std::slice::from_ref(&content)).await {
            Ok(()) => {}
            // What can be read there is better than nothing.
            Err(closed) if closed.is_chat_closed() => {}
            Err(_) => {
                drop(self.messages.replace(content).await);
                self.note().await;
            }
        }
        shown
    }

    /// Goes on in the chat that the group has become, if that is why something failed.
    pub(super) fn go_after(&mut self, error: ApiError) -> Result<(), ApiError> {
        let chat = error.migrated_to().filter(|chat| *chat != self.messages.place().chat).ok_or(error)?;
        self.bot.moved.note(self.messages.place().chat, chat);
        self.messages.move_to(Lane::of_chat(chat.0));
        self.progress.moved_to = Some(chat.0);
        Ok(())
    }
}

impl Bot {
    /// Shows a message of the host's own, as the whole answer to an update.
    pub(crate) async fn show(&self, origin: &Origin, progress: &Progress, content: Content) -> Result<(), Unanswered> {
        let mut noted = Noted::new(self, origin, progress);
        let shown = noted.show(&[content]).await.map_err(Unanswered::from);
        noted.mend(shown, origin.language.as_deref()).await
    }
}

impl Drop for Noted<'_> {
    /// After a panic somebody else has to end what is shown, and nobody shows the rest.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let progress = Progress { messages: self.messages.ids(), ..self.progress.clone() };
            self.bot.running.breaks(self.update_id, progress);
            if let Some(running) = &self.running {
                self.bot.stop_turn(running.turn());
            }
        }
    }
}
