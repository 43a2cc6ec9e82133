//! What the host does by itself: stopping, choosing a model, telling how things are.

use std::time::Duration;

use arash_core::platform::ModelId;
use teloxide::payloads::AnswerCallbackQuery;
use teloxide::types::{CallbackQueryId, InlineKeyboardButton, InlineKeyboardMarkup};
use tokio::time::timeout;

use crate::answer::Progress;
use crate::api::ApiError;
use crate::bot::{Bot, PLATFORM};
use crate::chats::key;
use crate::incoming::{Button, ButtonPress, HostCall, HostCommand, Lane, ModelReference, Origin};
use crate::keyboards::Change;
use crate::outgoing::Content;
use crate::texts::{Said, say};

/// Models on one page of the keyboard.
const PAGE: usize = 8;
/// A conversation is active within this time.
const ACTIVE: Duration = Duration::from_mins(5);
/// How long who presses a button may wait for what comes of it.
const SOON: Duration = Duration::from_millis(500);

impl Bot {
    /// A command of the host's own, but for `/retry`, which is a turn.
    pub(crate) async fn command(&self, call: &HostCall, progress: &Progress) {
        let origin = &call.origin;
        let reply = self.replies.begin(origin.lane, origin.user_id, Some(call.command));
        match call.command {
            // Always, and at once; only what is said of it may be left out.
            HostCommand::Stop => {
                let turn = self.running.get(origin.lane);
                // The answer itself says that it was stopped.
                if !turn.is_some_and(|turn| self.stop_turn(turn)) && reply.is_some() {
                    drop(self.tell(origin, progress, &Said::NothingToStop).await);
                }
            }
            _ if reply.is_none() => {}
            HostCommand::ChooseModel => {
                let content = self.model_keyboard(origin.lane, 0, origin.language.as_deref()).await;
                drop(self.show(origin, progress, content).await);
            }
            HostCommand::Stats => self.stats(origin, progress).await,
            HostCommand::Retry => {}
        }
    }

    async fn stats(&self, origin: &Origin, progress: &Progress) {
        if !self.admins.contains(&origin.user_id) {
            drop(self.tell(origin, progress, &Said::UnknownCommand).await);
            return;
        }
        let said = match self.engine.sessions().groups(ACTIVE).await {
            Ok(groups) => {
                let groups = groups.iter().filter(|group| group.platform == PLATFORM);
                let (sessions, messages) = groups
                    .fold((0, 0), |(sessions, messages), group| (sessions + group.sessions, messages + group.messages));
                Said::Stats { sessions, messages, uptime: self.started.elapsed() }
            }
            Err(error) => Said::of_failure(&error),
        };
        drop(self.tell(origin, progress, &said).await);
    }

    /// A button was pressed. Whoever presses it is answered in any case, and first: the app waits for it, and the
    /// chat may be held back.
    pub(crate) async fn pressed(&self, button: &Button) {
        let language = button.language.as_deref();
        match (button.press, button.message) {
            (Some(ButtonPress::Stop), Some((lane, message))) => {
                // Another answer may be running by now, which this button is not of.
                let turn = self.running.writes(lane.chat, message);
                let is_stopped = turn.is_some_and(|turn| self.stop_turn(turn));
                let said = if is_stopped { &Said::Stopped } else { &Said::NothingToStop };
                self.answer_press(button, Some(say(said, language))).await;
                // One at a time: the others are there to be pressed again.
                if turn.is_none()
                    && let Some(_one) = self.replies.begin(lane, button.user_id, None)
                    && let Err(error) = self.outgoing.take_buttons(lane, message.0).await
                {
                    tracing::debug!(%error, "a button of an old answer stays");
                }
            }
            (Some(ButtonPress::ModelPage(page)), Some((lane, message))) => {
                self.answer_press(button, None).await;
                self.change_keyboard(change(button, lane, message.0, usize::from(page))).await;
            }
            (Some(ButtonPress::UseModel(reference)), Some((lane, message))) => {
                self.use_model(button, reference, lane, message.0).await;
            }
            _ => self.answer_press(button, Some(say(&Said::OutdatedButton, language))).await,
        }
    }

    async fn answer_press(&self, button: &Button, text: Option<String>) {
        let mut answer = AnswerCallbackQuery::new(CallbackQueryId(button.query_id.clone()));
        answer.text = text;
        let mut answered = self.api.call_for::<_, bool>(&answer).await;
        if let Err(ApiError::NotSent { .. } | ApiError::Unknown { .. }) = answered {
            // A second answer to the same press is refused, and does no harm.
            answered = self.api.call_for(&answer).await;
        }
        if let Err(error) = answered {
            tracing::debug!(%error, "a press of a button cannot be answered");
        }
    }

    async fn use_model(&self, button: &Button, reference: ModelReference, lane: Lane, message: i32) {
        let language = button.language.as_deref();
        let models = self.models();
        let Some(model) = reference.find(&models) else {
            return self.answer_press(button, Some(say(&Said::OutdatedButton, language))).await;
        };
        let name = &self.engine.models().get(model).name;
        let chosen = Some(say(&Said::ModelChosen { model: name }, language));
        let mut choosing = std::pin::pin!(self.choose_model(lane, button.user_id.to_string(), model, language));
        match timeout(SOON, &mut choosing).await {
            Ok(Ok(_)) => self.answer_press(button, chosen).await,
            Ok(Err(error)) => return self.answer_press(button, Some(say(&Said::of_failure(&error), language))).await,
            // It comes after the answer that is being written, and the app does not wait so long.
            Err(_) => {
                self.answer_press(button, chosen).await;
                if let Err(error) = choosing.await {
                    let said = Content::plain(say(&Said::of_failure(&error), language));
                    drop(self.outgoing.say(lane, None, &said).await);
                }
            }
        }
        let page = models.iter().position(|id| id == model).map_or(0, |at| at / PAGE);
        self.change_keyboard(change(button, lane, message, page)).await;
    }

    fn models(&self) -> Vec<ModelId> {
        self.engine.platform(PLATFORM).map(|platform| platform.available_models().to_vec()).unwrap_or_default()
    }

    /// The models to choose from, the present one ticked.
    pub(crate) async fn model_keyboard(&self, lane: Lane, page: usize, language: Option<&str>) -> Content {
        let models = self.models();
        let current = self.current_model(lane).await.or_else(|| models.first().cloned());
        let pages = models.len().div_ceil(PAGE).max(1);
        let page = page.min(pages - 1);
        let button = |(index, id): (usize, &ModelId)| {
            let name = self.engine.models().get(id).name.clone();
            let name = if current.as_ref() == Some(id) { format!("✓ {name}") } else { name.to_string() };
            let press = ButtonPress::UseModel(ModelReference::new(u16::try_from(index).unwrap_or(u16::MAX), id));
            vec![InlineKeyboardButton::callback(name, press.data())]
        };
        let mut rows: Vec<_> = models.iter().enumerate().skip(page * PAGE).take(PAGE).map(button).collect();
        let turn = |said: Said<'_>, page: usize| {
            let press = ButtonPress::ModelPage(u16::try_from(page).unwrap_or_default());
            InlineKeyboardButton::callback(say(&said, language), press.data())
        };
        let previous = (page > 0).then(|| turn(Said::PreviousButton, page - 1));
        let next = (page + 1 < pages).then(|| turn(Said::NextButton, page + 1));
        let turning: Vec<_> = previous.into_iter().chain(next).collect();
        if !turning.is_empty() {
            rows.push(turning);
        }
        let title = Said::ChooseModel { page: page as u64 + 1, pages: pages as u64 };
        Content { keyboard: Some(InlineKeyboardMarkup::new(rows)), ..Content::plain(say(&title, language)) }
    }

    pub(crate) async fn current_model(&self, lane: Lane) -> Option<ModelId> {
        self.engine.sessions().get(&key(lane)).await.ok()?.model
    }
}

/// What the message of a button that was pressed is to become.
fn change(button: &Button, lane: Lane, message_id: i32, page: usize) -> Change {
    Change { lane, message_id, page, language: button.language.clone(), shown: button.shown.clone() }
}
