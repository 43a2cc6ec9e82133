use arash_core::clock::Timestamp;
use teloxide::types::{ChatMigration, MediaKind, Message, MessageCommon, MessageKind};

use super::author::Author;
use super::command::{Command, Typed};
use super::mention::without_mentions;
use super::reading::is_empty;
use super::{Ask, BotInfo, HostCall, Ignored, Incoming, Lane, Media, Origin, Quote, quote};

/// What a message means, or what it has become by an edit.
pub(super) fn meaning(update_id: i64, message: &Message, is_edit: bool, bot: &BotInfo) -> Incoming {
    if let Some(happened) = happened(message) {
        return happened;
    }
    let author = match Author::of(message) {
        Ok(author) => author,
        Err(reason) => return Incoming::Ignored(reason),
    };
    let origin = Origin {
        update_id,
        lane: Lane::of(message),
        message_id: message.id,
        user_id: author.id,
        language: author.language,
        sent_at: Timestamp::from_millis(message.date.timestamp_millis()),
    };
    Reading { message, bot, is_edit }.meaning(origin)
}

/// What happened in a chat, if that is what a message tells, or else why there is nothing to read in it.
fn happened(message: &Message) -> Option<Incoming> {
    let chat = message.chat.id.0;
    let topic = |is_open| Some(Incoming::Topic { lane: Lane::of(message), is_open });
    match &message.kind {
        MessageKind::Common(MessageCommon { media_kind: MediaKind::Migration(migration), .. }) => {
            let (from, to) = match migration {
                ChatMigration::To { chat_id } => (chat, chat_id.0),
                ChatMigration::From { chat_id } => (chat_id.0, chat),
            };
            Some(Incoming::Migrated { from, to })
        }
        MessageKind::Common(_) | MessageKind::Dice(_) => None,
        MessageKind::ForumTopicClosed(_) => topic(false),
        MessageKind::ForumTopicReopened(_) => topic(true),
        _ if is_empty(message) => Some(Incoming::Ignored(Ignored::Content)),
        _ => Some(Incoming::Ignored(Ignored::Service)),
    }
}

/// A message that is being read.
#[derive(Clone, Copy)]
struct Reading<'a> {
    message: &'a Message,
    bot: &'a BotInfo,
    is_edit: bool,
}

impl Reading<'_> {
    fn meaning(self, origin: Origin) -> Incoming {
        let message = self.message;
        let typed = message.text().or_else(|| message.caption()).unwrap_or_default();
        let entities = message.entities().or_else(|| message.caption_entities()).unwrap_or_default();
        let unaddressed = without_mentions(typed, entities, self.bot);
        let command = match Typed::read(&unaddressed.text, self.bot) {
            Typed::ForAnotherBot => return Incoming::Ignored(Ignored::ForAnotherBot),
            Typed::Command(command) => Some(command),
            Typed::Text => None,
        };
        let is_addressed = self.is_addressed(unaddressed.is_mentioned, command.as_ref());
        let of_host = command.as_ref().and_then(|command| command.of_host).filter(|_| is_addressed);
        if let Some(command) = of_host {
            if self.is_edit {
                return Incoming::Ignored(Ignored::EditedCommand);
            }
            return Incoming::Command(HostCall { origin, command });
        }
        let is_command = command.is_some();
        let ask = Ask {
            update_ids: vec![origin.update_id],
            origin,
            text: command.map_or(unaddressed.text, |command| command.text),
            units: typed.encode_utf16().count(),
            is_command,
            is_reply: quote::replied_to(message).is_some(),
            quote: Quote::of(message, self.bot),
            media: Media::of(message, self.bot).into_iter().collect(),
            album: message.media_group_id().map(|id| id.0.clone()),
            is_edit: self.is_edit,
            is_aside: !is_addressed,
        };
        self.classify(ask)
    }

    fn classify(self, ask: Ask) -> Incoming {
        // A mention alone in reply to a message asks about that message, unless the bot said it.
        let asks_of_quote = ask.quote.as_ref().is_some_and(|quote| !quote.is_of_bot || quote.is_chosen);
        if ask.text.trim().is_empty() && ask.media.is_empty() && !asks_of_quote {
            return Incoming::Ignored(Ignored::Empty);
        }
        let ask = Box::new(ask);
        match (ask.is_edit, ask.is_aside) {
            (true, _) => Incoming::Edit(ask),
            (false, false) => Incoming::Ask(ask),
            (false, true) if ask.may_be_part() && !self.is_forwarded() => Incoming::Aside(ask),
            (false, true) => Incoming::Ignored(Ignored::NotForBot),
        }
    }

    /// Whether the bot is spoken to. In private it always is.
    fn is_addressed(self, is_mentioned: bool, command: Option<&Command>) -> bool {
        if !Lane::of(self.message).is_group() {
            return true;
        }
        // What somebody said elsewhere, to whomever, is not said here to the bot.
        if self.is_forwarded() {
            return false;
        }
        let is_reply = quote::replied_to(self.message).is_some_and(|replied| quote::is_of_bot(replied, self.bot));
        is_mentioned || is_reply || command.is_some_and(|command| command.is_for_bot)
    }

    fn is_forwarded(self) -> bool {
        self.message.forward_origin().is_some()
    }
}
