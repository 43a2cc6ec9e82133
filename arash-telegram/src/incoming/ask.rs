use std::borrow::Cow;

use arash_core::command::{Parsed, parse};
use arash_core::message::MAX_ATTACHMENTS;
use teloxide::types::MessageId;

use super::{Media, Origin, Quote};

/// How long a message is at most: 4,096 UTF-16 units. A longer one is cut by the app of whoever writes it.
const MAX_MESSAGE_UNITS: usize = 4_096;

/// Something for the engine: a message, or several that are one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ask {
    /// Where it comes from; of several messages, the first.
    pub(crate) origin: Origin,
    /// All updates that it was made of, the first first.
    pub(crate) update_ids: Vec<i64>,
    /// The text or caption without the mentions of the bot. A command has not the bot's name.
    pub(crate) text: String,
    /// How long the text of the message was as it came, in UTF-16 units. Of several, the last one.
    pub(super) units: usize,
    /// Whether the text is a command of the engine's.
    pub(crate) is_command: bool,
    /// Whether it replies to a message, of which there may be nothing to quote.
    pub(super) is_reply: bool,
    /// What it quotes of the message that it replies to.
    pub(crate) quote: Option<Quote>,
    /// What is attached, at most ten.
    pub(crate) media: Vec<Media>,
    /// What the parts of an album have in common.
    pub(crate) album: Option<String>,
    /// Whether it tells what an earlier message has become.
    pub(crate) is_edit: bool,
    /// Whether it is not for the bot by itself, but may belong to what is.
    pub(crate) is_aside: bool,
}

impl Ask {
    /// The text for the engine: with the message that it replies to, as a quote in Markdown above it.
    ///
    /// The bot's newest answer, `newest` being the numbers of its messages, is not quoted, for it is what the model
    /// said last; only a part of it is, if the person chose one. A command has no quote.
    pub(crate) fn prompt(&self, newest: &[MessageId]) -> Cow<'_, str> {
        let text = Cow::Borrowed(self.text.as_str());
        let Some(quote) = self.quote.as_ref().filter(|quote| !quote.is_known(newest)) else { return text };
        match parse(&self.text) {
            // The quote comes first, so the engine would not see that two slashes stand for one.
            Ok(Parsed::Text(text)) => Cow::Owned(quote.above(text)),
            _ => text,
        }
    }

    /// How much memory it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        let quote = self.quote.as_ref().map_or(0, |quote| quote.text.len());
        let media: usize = self.media.iter().map(Media::bytes).sum();
        size_of::<Self>() + size_of_val(&*self.update_ids) + self.text.len() + quote + media
    }

    /// Makes one of several that belong together: the texts in their order, and the media of all.
    pub(crate) fn merge(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let mut whole = parts.next()?;
        for part in parts {
            whole.append(part);
        }
        whole.media.truncate(MAX_ATTACHMENTS);
        Some(whole)
    }

    fn append(&mut self, part: Self) {
        // A message as long as can be was cut wherever its end fell, amid a word as like as not; a shorter one where
        // there was white space, which Telegram takes away at both ends.
        let is_cut_anywhere = self.units >= MAX_MESSAGE_UNITS;
        if !(self.text.is_empty() || part.text.is_empty() || is_cut_anywhere) {
            self.text.push('\n');
        }
        // An album's command is where its caption is.
        self.is_command |= part.is_command && self.text.is_empty();
        self.text.push_str(&part.text);
        self.units = part.units;
        self.is_aside &= part.is_aside;
        self.update_ids.extend(part.update_ids);
        self.media.extend(part.media);
        if self.quote.is_none() {
            self.quote = part.quote;
        }
    }
}
