use teloxide::types::{Message, MessageCommon, MessageKind, User};

use super::Ignored;

/// Longest tag of a language, in bytes; real ones are shorter.
const MAX_LANGUAGE_BYTES: usize = 35;

/// Who wrote a message that may be answered.
#[derive(Debug)]
pub(super) struct Author {
    /// A person, or the chat in whose name somebody wrote.
    pub(super) id: i64,
    pub(super) language: Option<String>,
}

impl Author {
    /// A person.
    pub(super) fn person(user: &User) -> Self {
        // Telegram's numbers have at most 52 bits.
        let id = i64::try_from(user.id.0).unwrap_or(i64::MAX);
        Self { id, language: user.language_code.as_deref().and_then(language) }
    }

    /// Who wrote a message.
    pub(super) fn of(message: &Message) -> Result<Self, Ignored> {
        if message.chat.is_channel() || is_post(message) {
            return Err(Ignored::Channel);
        }
        let in_name_of = message.sender_chat.as_ref().map(|chat| Self { id: chat.id.0, language: None });
        let Some(user) = &message.from else { return in_name_of.ok_or(Ignored::Bot) };
        // Administrators who hide who they are, and people who write as a channel, come as bots of Telegram's that all
        // of them have in common; each chat is somebody by itself.
        if user.id.is_anonymous() || user.id.is_channel() {
            return in_name_of.ok_or(Ignored::Bot);
        }
        if user.is_bot {
            return Err(Ignored::Bot);
        }
        Ok(Self::person(user))
    }
}

/// Whether a message is the post of a channel, as it shows in the group where it is discussed.
fn is_post(message: &Message) -> bool {
    matches!(&message.kind, MessageKind::Common(MessageCommon { is_automatic_forward: true, .. }))
}

/// The tag of a language, if it has the form of one. Some apps write an underscore where the hyphen should be.
fn language(tag: &str) -> Option<String> {
    let is_tag = tag.len() <= MAX_LANGUAGE_BYTES
        && tag.starts_with(|first: char| first.is_ascii_alphabetic())
        && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    is_tag.then(|| tag.replace('_', "-"))
}
