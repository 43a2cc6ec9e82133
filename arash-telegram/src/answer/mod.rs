//! One turn, from the engine to Telegram: what is written is shown while it is written, and what is final arrives whole.

mod failure;
mod messages;
mod noted;
mod pace;
mod parts;
mod progress;
mod rich;
mod running;
mod typing;

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
use messages::{Step, placeholder};
use noted::Noted;
use pace::PreviewPace;
use parts::{Whole, stop_button};

pub(crate) use progress::Progress;
pub(crate) use running::Running;

/// Between two looks at whether an answer that nobody can read has begun.
const SOON: Duration = Duration::from_millis(100);
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
        let unanswered = match &error {
            // The token is refused: after the next start it may be good again.
            ApiError::Refused { code: 401, .. } => Self::Later,
            error if error.is_chat_gone() => Self::Closed,
            _ => Self::Refused,
        };
        let is_defect = matches!(unanswered, Self::Refused) && error.code().is_some() && !error.is_chat_closed();
        if is_defect {
            tracing::error!(%error, "Telegram does not take an answer");
        } else {
            tracing::info!(%error, "an answer cannot be shown");
        }
        unanswered
    }
}

impl Bot {
    /// Answers a question, to the end: what can be seen in Telegram is final when this returns. `typing` is
    /// [`type_on`](Self::type_on), which may have begun.
    pub(crate) async fn answer(
        &self,
        question: Question,
        typing: impl Future<Output = ApiError>,
    ) -> Result<(), Unanswered> {
        let place = question.place;
        let gone = async {
            let gone = typing.await;
            // What is about to begin can be stopped only when it has.
            while !self.running.get(self.moved.place(place)).is_some_and(|turn| self.stop_turn(turn)) {
                sleep(SOON).await;
            }
            gone
        };
        tokio::select! {
            answered = Answering::new(self, question).run() => answered,
            gone = gone => Err(gone.into()),
        }
    }
}

/// An answer on its way.
struct Answering<'a> {
    bot: &'a Bot,
    question: Question,
    noted: Noted<'a>,
}

impl<'a> Answering<'a> {
    fn new(bot: &'a Bot, question: Question) -> Self {
        let draft = (bot.has_drafts && !question.place.is_group()).then(|| question.draft_id());
        let mut noted = Noted::new(bot, &question.origin, &question.progress);
        noted.messages.use_draft(draft);
        Self { bot, question, noted }
    }

    async fn run(mut self) -> Result<(), Unanswered> {
        let answered = match self.begin().await {
            Ok(stream) => {
                let turn = stream.turn_id();
                // From here on it can be stopped, although nothing may be shown of it for a while.
                self.noted.enter(turn);
                let answered = self.answer(stream).await;
                if let Err(Unanswered::Closed | Unanswered::Refused) = answered {
                    // Nobody reads it, so nobody pays for the rest.
                    self.bot.stop_turn(turn);
                }
                answered
            }
            Err(error) => self.fail(error, String::new()).await,
        };
        self.mend(answered).await
    }

    /// Sees to it that no placeholder with its button stays.
    async fn mend(&mut self, shown: Result<(), Unanswered>) -> Result<(), Unanswered> {
        self.noted.mend(shown, self.question.origin.language.as_deref()).await
    }

    /// Shows the answer from its beginning to its end.
    async fn answer(&mut self, stream: ReplyStream) -> Result<(), Unanswered> {
        if self.noted.messages.is_empty() && !self.noted.messages.is_draft() {
            let text = &self.question.message.text;
            // Two slashes stand for one that begins no command.
            let is_command = text.starts_with('/') && !text.starts_with("//");
            let keyboard = (!is_command).then(|| self.stop_button());
            self.noted.open(Content { keyboard, ..placeholder() }).await?;
        }
        match self.follow(stream).await? {
            (_, Ok(reply)) => self.conclude(&reply).await,
            (text, Err(error)) => self.fail(error, text).await,
        }
    }

    /// Begins the turn, or finds the one that was begun before. A turn that was cut off is closed, and another one begins.
    async fn begin(&mut self) -> Result<ReplyStream, Error> {
        let mut looks = 0;
        loop {
            let key = format!("{}:{}", self.question.origin.update_id, self.noted.progress.attempt);
            let key = IdempotencyKey::new(format!("telegram:{}", self.bot.id().0), key)?;
            let request = TurnRequest::from(self.question.message.clone()).idempotency_key(key);
            match self.bot.engine.stream(request).await {
                Err(error) if error.kind() == ErrorKind::IdempotencyInProgress && looks < IN_PROGRESS_LIMIT => {
                    looks += 1;
                    sleep(IN_PROGRESS).await;
                }
                Err(error) if is_cut_off(&error) => {
                    self.noted.progress.attempt += 1;
                    self.noted.note().await;
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
        let before = self.noted.messages.ids().len();
        let step = self.noted.messages.preview(&parts).await;
        if self.noted.messages.ids().len() > before {
            self.noted.note().await;
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
                drop(self.noted.go_after(error));
                Ok(false)
            }
        }
    }

    async fn conclude(&mut self, reply: &Reply) -> Result<(), Unanswered> {
        let is_stopped = reply.receipt.stopped;
        let whole = match reply.receipt.command.as_deref() {
            Some(command) => {
                if command == "clear" {
                    self.bot.remembered.forget(self.noted.messages.place());
                }
                Whole::plain(&reply.text)
            }
            None if is_stopped => Whole::of_part(&reply.text),
            None => match Whole::of(&reply.text) {
                // Nothing in it can be seen.
                whole if whole.is_empty() => Whole::plain(&self.say(&Said::AiFailed)),
                _ if self.show_rich(&reply.text).await? => return Ok(()),
                whole => whole,
            },
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
        self.finish(&parts).await?;
        match document {
            Some(document) => self.noted.send_document(document).await,
            None => Ok(()),
        }
    }

    /// Makes the messages show `parts`, and nothing else; they are the newest answer.
    async fn finish(&mut self, parts: &[Content]) -> Result<(), ApiError> {
        self.noted.show(parts).await?;
        self.bot.remembered.answered(self.noted.messages.place(), &self.noted.messages.ids());
        Ok(())
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
