//! The way out: every message and edit of a bot goes through here, at the pace that Telegram wants.

use std::sync::Arc;
use std::time::Duration;

use reqwest::multipart::Form;
use serde::Serialize;
use serde::de::DeserializeOwned;
use teloxide::payloads::{DeleteMessage, EditMessageReplyMarkup, EditMessageText, SendChatAction, SendMessage};
use teloxide::requests::Payload;
use teloxide::types::{ChatAction, ChatId, InlineKeyboardMarkup, LinkPreviewOptions, MessageEntity, MessageEntityKind};
use teloxide::types::{MessageId, Recipient, ReplyMarkup, ReplyParameters};
use tokio::time::sleep;

use crate::api::{ApiError, BotApi, EditRichMessage, SendMessageDraft, Sent, Upload};
use crate::governor::{Governor, Urgency};
use crate::incoming::Lane;
use crate::markdown::{Entity, EntityKind, Formatted, RichMessage};

/// After a 429 that tells no time.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// Between two attempts to reach Telegram, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What a message shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) text: Formatted,
    /// What the last edit shows in the place of the text.
    pub(crate) rich: Option<RichMessage>,
    pub(crate) keyboard: Option<InlineKeyboardMarkup>,
}

impl Content {
    /// A text without buttons.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Formatted::plain(text).into()
    }

    /// A rich message, which a message becomes by an edit.
    pub(crate) fn rich(rich: RichMessage) -> Self {
        Self { rich: Some(rich), ..Formatted::default().into() }
    }
}

impl From<Formatted> for Content {
    fn from(text: Formatted) -> Self {
        Self { text, rich: None, keyboard: None }
    }
}

/// What is sent for sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    /// A placeholder: it may come twice, and has time.
    Beginning,
    /// A message that must not come twice.
    Once,
    /// An edit or a deletion, which does the same however often it is done.
    Edit,
}

/// The outgoing side of a bot.
#[derive(Debug)]
pub(crate) struct Outgoing {
    api: Arc<BotApi>,
    governor: Governor,
}

impl Outgoing {
    pub(crate) fn new(api: Arc<BotApi>) -> Self {
        Self { api, governor: Governor::new() }
    }

    /// Sends a message for sure: as long as it is not known to be there, it is sent again. So it may come twice, and is
    /// nothing that must not.
    pub(crate) async fn place(&self, place: Lane, reply_to: Option<i32>, content: &Content) -> Result<Sent, ApiError> {
        self.insist(place.chat, Sending::Beginning, &message(place, reply_to, content)).await
    }

    /// Sends a message once: when it is not known whether it came, it is not sent again.
    pub(crate) async fn say(&self, place: Lane, reply_to: Option<i32>, content: &Content) -> Result<Sent, ApiError> {
        self.insist(place.chat, Sending::Once, &message(place, reply_to, content)).await
    }

    /// Sends a document for sure: as long as it is not known to be there, it is sent again, for without it the answer is
    /// not whole.
    pub(crate) async fn send_document(&self, place: Lane, upload: Upload) -> Result<(), ApiError> {
        let mut pause = PAUSES.0;
        loop {
            self.governor.wait(place.chat).await;
            let mut form = Form::new().text("chat_id", place.chat.to_string());
            if let Some(thread) = place.thread {
                form = form.text("message_thread_id", thread.to_string());
            }
            match self.api.send_document(form, upload.clone()).await {
                Err(error) if error.code() == Some(429) => self.note(place.chat, &error),
                Err(error @ (ApiError::NotSent { .. } | ApiError::Unknown { .. })) => {
                    pause = wait_again(&error, pause).await;
                }
                sent => return sent.map(drop),
            }
        }
    }

    /// Makes a message show `content` for sure: a text without its formatting, where Telegram does not take that.
    pub(crate) async fn edit(&self, place: Lane, message_id: i32, content: &Content) -> Result<(), ApiError> {
        if let Some(rich) = &content.rich {
            let edit = EditRichMessage { chat_id: place.chat, message_id, rich_message: rich.clone() };
            let edited = self.insist::<_, serde::de::IgnoredAny>(place.chat, Sending::Edit, &edit).await;
            return done(edited.map(drop));
        }
        let mut edit = edit(place, message_id, content);
        loop {
            let edited = self.insist::<_, serde::de::IgnoredAny>(place.chat, Sending::Edit, &edit).await;
            match done(edited.map(drop)) {
                Err(error) if error.is_about_entities() && edit.entities.is_some() => {
                    tracing::error!(%error, "an answer is shown without its formatting");
                    edit.entities = None;
                }
                edited => return edited,
            }
        }
    }

    /// Takes the buttons of a message away.
    pub(crate) async fn take_buttons(&self, place: Lane, message_id: i32) -> Result<(), ApiError> {
        let edit = EditMessageReplyMarkup::new(Recipient::Id(place.chat), MessageId(message_id));
        done(self.insist::<_, serde::de::IgnoredAny>(place.chat, Sending::Edit, &edit).await.map(drop))
    }

    /// Takes a message away; its buttons at least, where Telegram does not let it.
    pub(crate) async fn delete(&self, place: Lane, message_id: i32) {
        let delete = DeleteMessage::new(Recipient::Id(place.chat), MessageId(message_id));
        // Done a second time, it is refused.
        let deleted = self.insist::<_, serde::de::IgnoredAny>(place.chat, Sending::Edit, &delete).await;
        let Err(error) = deleted else { return };
        tracing::debug!(%error, "a message stays, or was gone");
        if !error.is_deleted() && !error.is_chat_closed() {
            drop(self.take_buttons(place, message_id).await);
        }
    }

    /// Sends a message if there is room for it now.
    pub(crate) async fn try_place(
        &self,
        place: Lane,
        reply_to: Option<i32>,
        content: &Content,
    ) -> Result<Option<Sent>, ApiError> {
        self.attempt(place.chat, Urgency::Preview, &message(place, reply_to, content)).await
    }

    /// Makes a message show `content` if there is room for that now; tells whether it does.
    pub(crate) async fn try_edit(&self, place: Lane, message_id: i32, content: &Content) -> Result<bool, ApiError> {
        let edit = edit(place, message_id, content);
        match self.attempt::<_, serde::de::IgnoredAny>(place.chat, Urgency::Preview, &edit).await {
            Ok(edited) => Ok(edited.is_some()),
            Err(error) => done(Err(error)).map(|()| true),
        }
    }

    /// Shows a draft in a private chat, if there is room for that now; tells whether it does.
    pub(crate) async fn try_draft(&self, place: Lane, draft_id: i32, text: &Formatted) -> Result<bool, ApiError> {
        let draft = SendMessageDraft {
            chat_id: place.chat,
            message_thread_id: place.thread,
            draft_id,
            text: text.text.clone(),
            entities: entities(&text.entities),
        };
        self.attempt::<_, bool>(place.chat, Urgency::Preview, &draft).await.map(|shown| shown.is_some())
    }

    /// Shows that something is being written, if there is room for that now.
    pub(crate) async fn type_on(&self, place: Lane) -> Result<(), ApiError> {
        let mut action = SendChatAction::new(place.chat, ChatAction::Typing);
        action.message_thread_id = place.thread;
        self.attempt::<_, bool>(place.chat, Urgency::Typing, &action).await.map(drop)
    }

    async fn attempt<P: Payload + Serialize + Sync, R: DeserializeOwned>(
        &self,
        chat: ChatId,
        urgency: Urgency,
        payload: &P,
    ) -> Result<Option<R>, ApiError> {
        if !self.governor.lets(chat, urgency) {
            return Ok(None);
        }
        self.api.call_for(payload).await.map(Some).inspect_err(|error| self.note(chat, error))
    }

    /// Repeats a call until Telegram says what became of it. Where it cannot be repeated safely, an unknown outcome is one.
    async fn insist<P: Payload + Serialize + Sync, R: DeserializeOwned>(
        &self,
        chat: ChatId,
        sending: Sending,
        payload: &P,
    ) -> Result<R, ApiError> {
        let mut pause = PAUSES.0;
        loop {
            match sending {
                Sending::Beginning => self.governor.wait_to_begin(chat).await,
                Sending::Once | Sending::Edit => self.governor.wait(chat).await,
            }
            let error = match self.api.call_for(payload).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            self.note(chat, &error);
            match error {
                // The governor has been told, and waits.
                ApiError::Refused { code: 429, .. } => {}
                ApiError::Unknown { .. } if sending == Sending::Once => return Err(error),
                ApiError::NotSent { .. } | ApiError::Unknown { .. } => {
                    pause = wait_again(&error, pause).await;
                }
                ApiError::Refused { .. } => return Err(error),
            }
        }
    }

    fn note(&self, chat: ChatId, error: &ApiError) {
        if error.code() == Some(429) {
            let wait = error.retry_after().unwrap_or(RETRY_AFTER);
            tracing::warn!(chat = chat.0, wait_seconds = wait.as_secs(), "Telegram asks for a pause");
            self.governor.refused(chat, wait);
        }
    }
}

/// Waits before a call is repeated; gives how long to wait the next time.
async fn wait_again(error: &ApiError, pause: Duration) -> Duration {
    tracing::warn!(%error, "trying again");
    sleep(pause).await;
    (pause * 2).min(PAUSES.1)
}

/// Whoever finds a message as it should be has nothing left to do.
fn done(edited: Result<(), ApiError>) -> Result<(), ApiError> {
    edited.or_else(|error| if error.is_not_modified() { Ok(()) } else { Err(error) })
}

fn message(place: Lane, reply_to: Option<i32>, content: &Content) -> SendMessage {
    let mut message = SendMessage::new(Recipient::Id(place.chat), content.text.text.clone());
    message.message_thread_id = place.thread;
    message.entities = Some(entities(&content.text.entities));
    message.link_preview_options = Some(no_preview());
    message.reply_parameters = reply_to.map(|id| ReplyParameters::new(MessageId(id)).allow_sending_without_reply());
    message.reply_markup = content.keyboard.clone().map(ReplyMarkup::InlineKeyboard);
    message
}

fn edit(place: Lane, message_id: i32, content: &Content) -> EditMessageText {
    let chat = Recipient::Id(place.chat);
    let mut edit = EditMessageText::new(chat, MessageId(message_id), content.text.text.clone());
    edit.entities = Some(entities(&content.text.entities));
    edit.link_preview_options = Some(no_preview());
    edit.reply_markup.clone_from(&content.keyboard);
    edit
}

fn no_preview() -> LinkPreviewOptions {
    let (url, prefer_small_media, prefer_large_media, show_above_text) = (None, false, false, false);
    LinkPreviewOptions { is_disabled: true, url, prefer_small_media, prefer_large_media, show_above_text }
}

/// Entities as teloxide writes them. What it has no name for is left as text.
fn entities(entities: &[Entity]) -> Vec<MessageEntity> {
    let entity = |entity: &Entity| {
        let kind = match &entity.kind {
            EntityKind::Blockquote => MessageEntityKind::Blockquote,
            EntityKind::ExpandableBlockquote => MessageEntityKind::ExpandableBlockquote,
            EntityKind::Pre { language } => MessageEntityKind::Pre { language: language.clone() },
            EntityKind::Code => MessageEntityKind::Code,
            EntityKind::TextLink { url } => MessageEntityKind::TextLink { url: url.parse().ok()? },
            EntityKind::Bold => MessageEntityKind::Bold,
            EntityKind::Italic => MessageEntityKind::Italic,
            EntityKind::Strikethrough => MessageEntityKind::Strikethrough,
            EntityKind::Spoiler => MessageEntityKind::Spoiler,
        };
        Some(MessageEntity { kind, offset: entity.offset, length: entity.length })
    };
    entities.iter().filter_map(entity).collect()
}
