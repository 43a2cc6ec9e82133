use std::time::Duration;

use teloxide::types::ChatId;

/// Why a call failed. What matters most: whether it may have been done all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApiError {
    /// Telegram said no: it was not done.
    #[error("{method}: Telegram refused: {code} {description}")]
    Refused {
        /// The method.
        method: &'static str,
        /// The status, such as 400, 403 or 429.
        code: u16,
        /// Telegram's words.
        description: String,
        /// When it may be asked again.
        retry_after: Option<Duration>,
        /// The group is another chat since.
        migrated_to: Option<ChatId>,
    },
    /// It never left: it was not done.
    #[error("{method}: Telegram cannot be reached")]
    NotSent {
        /// The method.
        method: &'static str,
    },
    /// It was sent, and what became of it is not known: it may have been done.
    #[error("{method}: Telegram gave no answer that tells whether it was done")]
    Unknown {
        /// The method.
        method: &'static str,
    },
}

/// What Telegram says where the bot is, but may not write.
const MUTED: [&str; 4] =
    ["not enough rights", "have no rights to send", "chat_write_forbidden", "chat_send_plain_forbidden"];

impl ApiError {
    pub(super) fn refused(method: &'static str, code: u16, description: &str) -> Self {
        let description = description.to_owned();
        Self::Refused { method, code, description, retry_after: None, migrated_to: None }
    }

    /// The status that Telegram answered, if it did.
    pub(crate) fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// When it may be asked again, if Telegram says so.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The chat that the group has become, if that is why Telegram refused.
    pub(crate) fn migrated_to(&self) -> Option<ChatId> {
        match self {
            Self::Refused { migrated_to, .. } => *migrated_to,
            _ => None,
        }
    }

    /// Whether Telegram's words have these in them.
    fn says(&self, words: &[&str]) -> bool {
        let Self::Refused { description, .. } = self else { return false };
        let description = description.to_ascii_lowercase();
        words.iter().any(|words| description.contains(words))
    }

    /// Whether the message already is as it should become.
    pub(crate) fn is_not_modified(&self) -> bool {
        self.says(&["message is not modified"])
    }

    /// Whether the message to be edited is not there any more, or is nobody's to edit.
    pub(crate) fn is_message_gone(&self) -> bool {
        self.says(&["message to edit not found", "message can't be edited", "message_id_invalid"])
    }

    /// Whether the message to be deleted is not there any more.
    pub(crate) fn is_deleted(&self) -> bool {
        self.says(&["message to delete not found"])
    }

    /// Whether it is the formatting that Telegram does not take.
    pub(crate) fn is_about_entities(&self) -> bool {
        self.code() == Some(400) && self.says(&["entities", "entity", "url_invalid"])
    }

    /// Whether the server knows no rich messages: in an edit without a text an older one finds nothing.
    pub(crate) fn is_rich_unknown(&self) -> bool {
        self.code() == Some(404) || self.says(&["message text is empty"])
    }

    /// Whether the chat or the topic is no more, or no more the bot's.
    pub(crate) fn is_chat_gone(&self) -> bool {
        let is_muted = self.says(&MUTED);
        let is_gone = self.says(&["chat not found", "message thread not found", "topic_deleted"]);
        is_gone || self.code() == Some(403) && !is_muted
    }

    /// Whether nothing can be said in the chat: the bot is blocked, kicked or muted, or the chat or topic is gone.
    pub(crate) fn is_chat_closed(&self) -> bool {
        const WORDS: [&str; 4] = ["chat not found", "topic_closed", "message thread not found", "topic_deleted"];
        self.code() == Some(403) || self.says(&WORDS) || self.says(&MUTED)
    }
}
