use std::fmt;

use arash_core::platform::ModelId;
use sha2::{Digest, Sha256};
use teloxide::types::{CallbackQuery, InlineKeyboardMarkup, Message, MessageId};

use super::author::Author;
use super::{BotInfo, Lane, quote};

/// A button of an inline keyboard was pressed. It has to be answered, whatever it means: the app waits for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Button {
    /// The update that told of it.
    pub(crate) update_id: i64,
    /// What the answer refers to.
    pub(crate) query_id: String,
    /// Who pressed it.
    pub(crate) user_id: i64,
    /// The language of that person's app, as a BCP 47 tag.
    pub(crate) language: Option<String>,
    /// The message that it is under.
    pub(crate) message: Option<(Lane, MessageId)>,
    /// What it means; nothing if the bot has no such button, or can no longer change the message.
    pub(crate) press: Option<ButtonPress>,
    /// What the message showed.
    pub(crate) shown: Option<Shown>,
}

/// What a message showed when a button under it was pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) text: String,
    pub(crate) keyboard: Option<InlineKeyboardMarkup>,
}

/// What a button does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ButtonPress {
    /// Ends the answer that is being written above it.
    Stop,
    /// Shows a page of the models, counted from nought.
    ModelPage(u16),
    /// Chooses a model.
    UseModel(ModelReference),
}

/// A model in the list that a keyboard shows. Its id may be longer than what a button can hold, and the list may have
/// changed since: so it is its place and four bytes of its digest, and where they do not match there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ModelReference {
    index: u16,
    digest: u32,
}

impl ModelReference {
    /// The model `id`, at this place of the list.
    pub(crate) fn new(index: u16, id: &ModelId) -> Self {
        let digest: [u8; 32] = Sha256::digest(id.as_str()).into();
        let [first, second, third, fourth, ..] = digest;
        Self { index, digest: u32::from_be_bytes([first, second, third, fourth]) }
    }

    /// The model that it means in this list.
    pub(crate) fn find(self, models: &[ModelId]) -> Option<&ModelId> {
        models.get(usize::from(self.index)).filter(|id| Self::new(self.index, id) == self)
    }
}

impl ButtonPress {
    /// What a button holds, at most 64 bytes.
    pub(crate) fn data(self) -> String {
        self.to_string()
    }

    /// What a button with this data does.
    fn read(data: &str) -> Option<Self> {
        let (name, rest) = data.split_once(':').unwrap_or((data, ""));
        let press = match name {
            "stop" => Self::Stop,
            "models" => Self::ModelPage(rest.parse().ok()?),
            "model" => {
                let (index, digest) = rest.split_once(':')?;
                let digest = u32::from_str_radix(digest, 16).ok()?;
                Self::UseModel(ModelReference { index: index.parse().ok()?, digest })
            }
            _ => return None,
        };
        // One text for each: what this bot did not write is none of its buttons.
        (press.data() == data).then_some(press)
    }
}

impl fmt::Display for ButtonPress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stop => f.write_str("stop"),
            Self::ModelPage(page) => write!(f, "models:{page}"),
            Self::UseModel(ModelReference { index, digest }) => write!(f, "model:{index}:{digest:08x}"),
        }
    }
}

impl Button {
    pub(super) fn read(update_id: i64, query: &CallbackQuery, bot: &BotInfo) -> Self {
        let reachable = query.regular_message().filter(|message| quote::is_of_bot(message, bot));
        let press = reachable.and(query.data.as_deref()).and_then(ButtonPress::read);
        let place = |message: &Message| (Lane::of(message), message.id);
        let shown = reachable.and_then(|message| {
            Some(Shown { text: message.text()?.to_owned(), keyboard: message.reply_markup().cloned() })
        });
        let old = query.message.as_ref().map(|old| (Lane::of_chat(old.chat().id.0), old.id()));
        let Author { id: user_id, language } = Author::person(&query.from);
        Self {
            update_id,
            query_id: query.id.0.clone(),
            user_id,
            language,
            message: query.regular_message().map(place).or(old),
            press,
            shown,
        }
    }
}
