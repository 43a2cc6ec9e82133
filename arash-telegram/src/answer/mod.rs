//! One turn, from the engine to Telegram: what is written is shown while it is written, and what is final arrives whole.

mod failure;
mod messages;
mod pace;
mod parts;
mod progress;
mod running;

use std::time::Duration;

use arash_core::message::Attachment;
use arash_core::turn::{IdempotencyKey, Reply, ReplyEvent, ReplyStream, TurnRequest};
use arash_core::{Error, ErrorKind, IncomingMessage};
use tokio::time::sleep;

use crate::api::ApiError;
use crate::bot::Bot;
use crate::incoming::{Lane, Origin};
use crate::outgoing::Content;
use crate::texts::{Said, say};
use messages::{Messages, Step, placeholder};
use pace::PreviewPace;
use parts::{Whole, stop_button};

pub(crate) use progress::Progress;
pub(crate) use running::Running;
use running::RunningTurn;

/// How often the chat action is shown, which lasts five seconds.
const TYPING: Duration = Duration::from_secs(4);
/// Between two looks at a turn that another one is working on, such as one that died and is not known to be dead.
const IN_PROGRESS: Duration = Duration::from_secs(1);
/// How long that may take: longer than any lease.
const IN_PROGRESS_LIMIT: u32 = 90;

/// A message that is to be answered.
#[derive(Debug)]
pub(crate) struct Question {
    /// Who asks, where and when.
    origin: Origin,
    /// Where it is answered: where the group is now, if it has moved since.
    place: Lane,
    message: IncomingMessage,
    /// How far an earlier attempt has come.
    progress: Progress,
}

impl Question {
    pub(crate) fn new(origin: &Origin, place: Lane, message: IncomingMessage, progress: Progress) -> Self {
        Self { origin: origin.clone(), place, message, progress }
    }

    /// Who asks, as the engine knows them.
    pub(crate) fn user(&self) -> &str {
        &self.message.user_id
    }

    /// This belongs to it.
    pub(crate) fn attach(&mut self, attachments: Vec<Attachment>) {
        self.message.attachments = attachments;
    }

    /// The number of its draft, which must not be 0.
    fn draft_id(&self) -> i32 {
        self.origin.message_id.0.max(1)
    }

    /// The message that the answer refers to: in groups, where others write in between.
    fn reply_to(&self) -> Option<i32> {
        let is_there = self.place == self.origin.lane;
        (is_there && self.place.is_group()).then_some(self.origin.message_id.0)
    }
}

/// Why there is no answer to be seen.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// Nothing can be said there any more.
    Closed,
    /// Telegram does not take it.
    Refused,
    /// Not now: the update is to be taken up again.
    Later,
}

impl From<ApiError> for Unanswered {
    fn from(error: ApiError) -> Self {
        tracing::info!(%error, "an answer cannot be shown");
        match error {
            // The token is refused: after the next start it may be good again.
            ApiError::Refused { code: 401, .. } => Self::Later,
            error if error.is_chat_gone() => Self::Closed,
            _ => Self::Refused,
        }
    }
}

impl Bot {
    /// Answers a question, to the end: what can be seen in Telegram is final when this returns.
    pub(crate) async fn answer(&self, question: Question) -> Result<(), Unanswered> {
        let place = question.place;
        let typing = async {
            loop {
                let place = self.moved.place(place);
                match self.outgoing.type_on(place).await {
                    Err(gone) if gone.is_chat_gone() => {
                        self.running.get(place).map(|turn| self.stop_turn(turn));
                        return gone;
                    }
                    // In a closed topic what is there can still be edited.
                    Err(closed) if closed.is_chat_closed() => std::future::pending().await,
                    _ => sleep(TYPING).await,
                }
            }
        };
        tokio::select! {
            answered = Answering::new(self, question).run() => answered,
            gone = typing => Err(gone.into()),
        }
    }
}

/// An answer on its way.
struct Answering<'a> {
    bot: &'a Bot,
    question: Question,
    messages: Messages<'a>,
    progress: Progress,
    /// The turn, once it has begun.
    running: Option<RunningTurn<'a>>,
}

impl<'a> Answering<'a> {
    fn new(bot: &'a Bot, question: Question) -> Self {
        let progress = question.progress.clone();
        let draft = (bot.has_drafts && !question.place.is_group()).then(|| question.draft_id());
        let messages = match progress.moved_to {
            Some(chat) => Messages::new(&bot.outgoing, Lane::of_chat(chat), None, &progress.messages),
            None => Messages::new(&bot.outgoing, question.place, question.reply_to(), &progress.messages),
        };
        let messages = messages.with_draft(draft);
        Self { bot, question, messages, progress, running: None }
    }

    async fn run(mut self) -> Result<(), Unanswered> {
        let stream = match self.begin().await {
            Ok(stream) => stream,
            Err(error) => return self.fail(error, String::new()).await,
        };
        // From here on it can be stopped, although nothing may be shown of it for a while.
        let running = self.bot.running.enter(stream.turn_id(), self.messages.place(), &self.messages.ids());
        self.running = Some(running);
        let turn = stream.turn_id();
        let answered = self.answer(stream).await;
        if let Err(Unanswered::Closed | Unanswered::Refused) = answered {
            // Nobody reads it, so nobody pays for the rest.
            self.bot.stop_turn(turn);
        }
        answered
    }

    /// Shows the answer from its beginning to its end.
    async fn answer(&mut self, stream: ReplyStream) -> Result<(), Unanswered> {
        self.open().await?;
        match self.follow(stream).await? {
            (_, Ok(reply)) => self.conclude(&reply).await,
            (text, Err(error)) => self.fail(error, text).await,
        }
    }

    /// Shows that there will be an answer, if nothing shows it yet.
    async fn open(&mut self) -> Result<(), Unanswered> {
        if !self.messages.is_empty() || self.messages.is_draft() {
            return Ok(());
        }
        let text = &self.question.message.text;
        // Two slashes stand for one that begins no command.
        let is_command = text.starts_with('/') && !text.starts_with("//");
        let placeholder = Content { keyboard: (!is_command).then(|| self.stop_button()), ..placeholder() };
        while let Err(error) = self.messages.open(placeholder.clone()).await {
            self.go_after(error)?;
        }
        self.note().await;
        Ok(())
    }

    /// Goes on in the chat that the group has become, if that is why something failed.
    fn go_after(&mut self, error: ApiError) -> Result<(), ApiError> {
        let chat = error.migrated_to().filter(|chat| *chat != self.messages.place().chat).ok_or(error)?;
        self.bot.moved.note(self.messages.place().chat, chat);
        self.messages.move_to(Lane::of_chat(chat.0));
        self.progress.moved_to = Some(chat.0);
        Ok(())
    }

    /// Begins the turn, or finds the one that was begun before. A turn that was cut off is closed, and another one begins.
    async fn begin(&mut self) -> Result<ReplyStream, Error> {
        let mut looks = 0;
        loop {
            let key = format!("{}:{}", self.question.origin.update_id, self.progress.attempt);
            let key = IdempotencyKey::new(format!("telegram:{}", self.bot.id().0), key)?;
            let request = TurnRequest::from(self.question.message.clone()).idempotency_key(key);
            match self.bot.engine.stream(request).await {
                Err(error) if error.kind() == ErrorKind::IdempotencyInProgress && looks < IN_PROGRESS_LIMIT => {
                    looks += 1;
                    sleep(IN_PROGRESS).await;
                }
                Err(error) if is_cut_off(&error) => {
                    self.progress.attempt += 1;
                    self.note().await;
                }
                begun => return begun,
            }
        }
    }

    /// Shows what comes as it comes; gives what came and how it ended.
    async fn follow(&mut self, mut stream: ReplyStream) -> Result<(String, Result<Reply, Error>), Unanswered> {
        let (mut text, mut pace) = (String::new(), PreviewPace::new(self.question.place));
        let mut is_shown = true;
        loop {
            tokio::select! {
                event = stream.next() => match event {
                    Some(ReplyEvent::Delta(more)) => {
                        text.push_str(&more);
                        is_shown = false;
                    }
                    Some(ReplyEvent::Done(reply)) => return Ok((text, Ok(Reply::clone(&reply)))),
                    Some(ReplyEvent::Failed(error)) => return Ok((text, Err(error))),
                    Some(_) => {}
                    None => return Ok((text, Err(Error::internal("an answer ended without its end")))),
                },
                () = pace.next(), if !is_shown => is_shown = self.preview(&text, &mut pace).await?,
            }
        }
    }

    /// Shows one step more of what came so far; whether that is all of it.
    async fn preview(&mut self, text: &str, pace: &mut PreviewPace) -> Result<bool, Unanswered> {
        let parts = parts::preview(text, &self.stop_button());
        let before = self.messages.ids().len();
        let step = self.messages.preview(&parts).await;
        if self.messages.ids().len() > before {
            self.note().await;
        }
        match step {
            Ok(Step::Dropped) => {
                pace.skipped();
                Ok(false)
            }
            Ok(step) => Ok(step == Step::Complete),
            Err(error) if error.code() == Some(429) => {
                pace.slow_down();
                Ok(false)
            }
            Err(error) if error.is_chat_closed() => Err(error.into()),
            // If the group has moved, it is shown there from the next step on. Else the final is what counts.
            Err(error) => {
                drop(self.go_after(error));
                Ok(false)
            }
        }
    }

    async fn conclude(&mut self, reply: &Reply) -> Result<(), Unanswered> {
        let is_stopped = reply.receipt.stopped;
        let whole = match reply.receipt.command.as_deref() {
            Some(command) => {
                if command == "clear" {
                    self.bot.remembered.forget(self.messages.place());
                }
                Whole::plain(&reply.text)
            }
            None if is_stopped => Whole::of_part(&reply.text),
            None if reply.text.trim().is_empty() => Whole::plain(&self.say(&Said::AiFailed)),
            None => Whole::of(&reply.text),
        };
        let whole = match reply.receipt.command.as_deref() {
            Some("status") if self.bot.hides_mentions_from(&self.question.origin).await => {
                whole.with_note(&self.say(&Said::PrivacyMode))
            }
            _ => whole,
        };
        let whole = if is_stopped { whole.with_note(&self.say(&Said::Stopped)) } else { whole };
        self.show(whole).await
    }

    /// Makes the messages show all of `whole`, and nothing else.
    async fn show(&mut self, whole: Whole) -> Result<(), Unanswered> {
        let hint = || self.say(&Said::WholeAnswerInFile);
        let (parts, document) = whole.into_parts(hint);
        loop {
            let before = self.messages.ids();
            let step = match self.messages.finish(&parts).await {
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
        self.bot.remembered.answered(self.messages.place(), &self.messages.ids());
        if let Some(document) = document.filter(|_| !self.progress.has_document) {
            self.progress.has_document = true;
            self.note().await;
            while let Err(error) = self.bot.outgoing.send_document(self.messages.place(), document.clone()).await {
                self.go_after(error)?;
            }
        }
        Ok(())
    }

    /// Notes how far this has come. If it cannot be noted, a crash now may leave a placeholder behind, and nothing worse.
    async fn note(&mut self) {
        self.progress.messages = self.messages.ids();
        if let Some(running) = &self.running {
            running.is_shown(self.messages.place(), &self.progress.messages);
        }
        self.bot.note(self.question.origin.update_id, &self.progress).await;
    }

    fn say(&self, said: &Said<'_>) -> String {
        say(said, self.question.origin.language.as_deref())
    }

    fn stop_button(&self) -> teloxide::types::InlineKeyboardMarkup {
        stop_button(&self.say(&Said::StopButton))
    }
}

/// Whether this is the end of an earlier turn that a crash cut off.
fn is_cut_off(error: &Error) -> bool {
    error.is_replayed() && error.kind() == ErrorKind::Unavailable || error.kind() == ErrorKind::IdempotencyMismatch
}
