//! What an update means to the host: pure functions from its JSON text, as it lies in the inbox.
//!
//! Whoever can write to the bot decides what an update holds, so everything has a meaning here, if only that it is
//! ignored, and nothing panics. Telegram's offsets count UTF-16 units and may be anything.

mod ask;
mod author;
mod button;
mod command;
mod edit;
mod joining;
mod lane;
mod media;
mod membership;
mod mention;
mod message;
mod quote;
mod reading;
mod reduced;
#[cfg(test)]
mod tests;

use arash_core::clock::Timestamp;
use teloxide::types::{MessageId, UpdateKind};

pub(crate) use ask::Ask;
pub(crate) use button::{Button, ButtonPress, ModelReference, Shown};
pub(crate) use command::{HostCall, HostCommand};
pub(crate) use edit::edited;
pub(crate) use joining::{Joining, Waiting};
pub(crate) use lane::Lane;
pub(crate) use media::{Media, RemoteFile, Unsupported};
pub(crate) use membership::{Membership, Standing};
pub(crate) use quote::Quote;

/// What has to be known of the bot to tell what is meant for it.
#[derive(Clone, Debug)]
pub(crate) struct BotInfo {
    /// Its number as a user.
    pub(crate) id: u64,
    /// Its name, without the `@`.
    pub(crate) username: String,
    /// Whether it is shown every message of its groups; else mentions alone do not reach it.
    pub(crate) can_read_all_group_messages: bool,
    /// The commands that it has, in lower case and without the slash. In groups others are for other bots, unless this
    /// one is named.
    pub(crate) commands: Vec<String>,
    /// The largest picture that is wanted, in bytes.
    pub(crate) max_image_bytes: u64,
}

/// Who wrote a message, where and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The update that told of it.
    pub(crate) update_id: i64,
    /// Where it is answered.
    pub(crate) lane: Lane,
    /// Its number in the chat.
    pub(crate) message_id: MessageId,
    /// Who wrote it: a person, or the chat (a negative number) in whose name somebody wrote it.
    pub(crate) user_id: i64,
    /// The language of the person's app, as a BCP 47 tag.
    pub(crate) language: Option<String>,
    /// When it was sent, in whole seconds.
    pub(crate) sent_at: Timestamp,
}

impl Origin {
    /// The message that an answer refers to: in groups, where others write in between.
    pub(crate) fn reply_to(&self) -> Option<i32> {
        self.lane.is_group().then_some(self.message_id.0)
    }
}

/// What an update means.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Incoming {
    /// Something for the engine: a message for the model, or a command.
    Ask(Box<Ask>),
    /// A message in a group that is not for the bot, but may belong to one that is: see [`Joining`]. It is never
    /// answered by itself.
    Aside(Box<Ask>),
    /// What a message has become: see [`edited`].
    Edit(Box<Ask>),
    /// A command of the host's own.
    Command(HostCall),
    /// A button was pressed.
    Button(Button),
    /// What the bot is in a chat has changed.
    Membership(Membership),
    /// A group has become another chat, and the old one is gone. Telegram tells it twice, once in each of the two.
    Migrated {
        /// What it was.
        from: i64,
        /// What it is.
        to: i64,
    },
    /// A topic was closed or opened again. That one was deleted no update tells.
    Topic {
        /// The topic.
        lane: Lane,
        /// Whether everybody may write in it.
        is_open: bool,
    },
    /// Nothing is done.
    Ignored(Ignored),
}

/// Why nothing is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ignored {
    /// It is no update, or none that can be read.
    Malformed,
    /// Updates of this kind mean nothing to the bot.
    Kind,
    /// It tells what happened in the chat: somebody joined, something was pinned, the title changed.
    Service,
    /// It has content of a kind that nobody here knows.
    Content,
    /// It is a post of a channel.
    Channel,
    /// A bot wrote it, this one or another.
    Bot,
    /// In a group, and neither with a mention of the bot, nor a reply to it, nor a command of its.
    NotForBot,
    /// A command for another bot.
    ForAnotherBot,
    /// Nothing is in it, but perhaps the bot's name.
    Empty,
    /// A message became one of the host's commands by an edit.
    EditedCommand,
    /// The bot may do more or less than before, and is where it was.
    Rights,
}

impl Incoming {
    /// The lane in which it waits for its turn; nothing if it waits for none.
    pub(crate) fn waits_in(&self) -> Option<Lane> {
        match self {
            Self::Ask(ask) | Self::Aside(ask) | Self::Edit(ask) => Some(ask.origin.lane),
            Self::Command(call) if call.command == HostCommand::Retry => Some(call.origin.lane),
            _ => None,
        }
    }

    /// Tells what the update `raw` means to the bot.
    pub(crate) fn parse(raw: &str, bot: &BotInfo) -> Self {
        let Some(update) = reading::read(raw) else { return Self::Ignored(Ignored::Malformed) };
        let id = i64::from(update.id.0);
        match &update.kind {
            UpdateKind::Message(message) => message::meaning(id, message, false, bot),
            UpdateKind::EditedMessage(message) => message::meaning(id, message, true, bot),
            UpdateKind::CallbackQuery(query) => Self::Button(Button::read(id, query, bot)),
            UpdateKind::MyChatMember(change) => membership::meaning(change),
            UpdateKind::ChannelPost(_) | UpdateKind::EditedChannelPost(_) => Self::Ignored(Ignored::Channel),
            UpdateKind::Error(_) => Self::Ignored(Ignored::Malformed),
            _ => Self::Ignored(Ignored::Kind),
        }
    }
}
