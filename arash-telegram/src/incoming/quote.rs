use teloxide::types::{Message, MessageCommon, MessageId, MessageKind};

use super::{BotInfo, Lane};

/// Most of a quoted text, in characters. It is meant to tell which message is spoken of, not to repeat a long one; a
/// part that somebody chooses is no longer either.
const MAX_QUOTE_CHARS: usize = 1_024;

/// The message that another one replies to, or the part of it that somebody chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Quote {
    /// Its number, if it is in the same chat.
    pub(crate) message_id: Option<MessageId>,
    /// Whether the bot wrote it.
    pub(crate) is_of_bot: bool,
    /// Whether the text is a part that the person chose.
    pub(crate) is_chosen: bool,
    /// Its text, at most 1,024 characters and then `…`.
    pub(crate) text: String,
}

impl Quote {
    /// What a message quotes; nothing if that has no text.
    pub(super) fn of(message: &Message, bot: &BotInfo) -> Option<Self> {
        let MessageKind::Common(MessageCommon { quote, .. }) = &message.kind else { return None };
        let replied = replied_to(message);
        let chosen = quote.as_ref().filter(|quote| quote.is_manual || replied.is_none());
        let whole = replied.and_then(|replied| replied.text().or_else(|| replied.caption()));
        let text = shortened(chosen.map(|quote| quote.text.as_str()).or(whole)?.trim());
        if text.is_empty() {
            return None;
        }
        let is_of_bot = replied.is_some_and(|replied| is_of_bot(replied, bot));
        Some(Self { message_id: replied.map(|replied| replied.id), is_of_bot, is_chosen: chosen.is_some(), text })
    }

    /// Whether the model has just said it, all of it.
    pub(super) fn is_known(&self, newest: &[MessageId]) -> bool {
        !self.is_chosen && self.message_id.is_some_and(|id| newest.contains(&id))
    }

    /// The quote, an empty line, and the text. Without a name: who others are is not the model's to know.
    pub(super) fn above(&self, text: &str) -> String {
        let mut whole = String::with_capacity(self.text.len() + text.len() + 16);
        for line in self.text.lines() {
            whole.push_str(if line.is_empty() { ">" } else { "> " });
            whole.push_str(line);
            whole.push('\n');
        }
        if !text.is_empty() {
            whole.push('\n');
            whole.push_str(text);
        }
        whole
    }
}

/// The message that another one replies to.
pub(super) fn replied_to(message: &Message) -> Option<&Message> {
    // In a topic everything replies to the message that it began with, unless it replies to something.
    message.reply_to_message().filter(|replied| !Lane::of(message).begins_with(replied.id))
}

pub(super) fn is_of_bot(message: &Message, bot: &BotInfo) -> bool {
    message.from.as_ref().is_some_and(|user| user.id.0 == bot.id)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTE_CHARS) {
        Some((end, _)) => text.get(..end).unwrap_or_default().trim_end().to_owned() + "…",
        None => text.to_owned(),
    }
}
