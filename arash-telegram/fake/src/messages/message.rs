//! What a message is.

use serde_json::Value;

use super::keyboard::{Button, buttons};
use crate::clock::Timestamp;
use crate::files::Attachment;
use crate::text::FormattedText;

/// What a message holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A text.
    Text(FormattedText),
    /// A rich message.
    Rich {
        /// Its Markdown, as the bot gave it; nobody makes blocks of it here.
        markdown: FormattedText,
        /// Whether it is laid out from right to left.
        is_rtl: bool,
    },
    /// A file, with the text under it.
    File {
        /// The file.
        file: Attachment,
        /// The caption; empty if there is none.
        caption: FormattedText,
    },
    /// Something that happened in the chat: the name and the value of the field that tells it.
    Service(&'static str, Value),
}

/// What a message was like for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Since when.
    pub at: Timestamp,
    /// Its text or caption.
    pub text: String,
}

/// A message, as people see it.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its number in the chat.
    pub id: i64,
    /// Where it is.
    pub chat_id: i64,
    /// The topic that it is in; none is General.
    pub topic_id: Option<i64>,
    /// Who wrote it.
    pub from: i64,
    /// Whether the bot wrote it.
    pub is_from_bot: bool,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When it was edited last.
    pub edited_at: Option<Timestamp>,
    /// Whether it was deleted. Such a message is no longer seen by anybody.
    pub is_deleted: bool,
    /// What it holds.
    pub content: Content,
    /// The message that it replies to.
    pub reply_to: Option<i64>,
    /// What the messages of one album have in common.
    pub album: Option<String>,
    /// The inline keyboard under it, as the bot gave it; null without one.
    pub keyboard: Value,
    /// What it was like from its beginning on; the last is what it is now.
    pub versions: Vec<Version>,
}

impl Message {
    /// Its text, its caption or its Markdown; empty if it has none.
    pub fn text(&self) -> &str {
        &self.formatted().text
    }

    /// The same with its formatting.
    pub fn formatted(&self) -> &FormattedText {
        static NONE: FormattedText = FormattedText { text: String::new(), entities: Vec::new() };
        match &self.content {
            Content::Text(text) | Content::Rich { markdown: text, .. } | Content::File { caption: text, .. } => text,
            Content::Service(..) => &NONE,
        }
    }

    /// Whether it is a rich message.
    pub fn is_rich(&self) -> bool {
        matches!(self.content, Content::Rich { .. })
    }

    /// The file that it carries.
    pub fn file(&self) -> Option<&Attachment> {
        match &self.content {
            Content::File { file, .. } => Some(file),
            _ => None,
        }
    }

    /// The buttons under it, row by row.
    pub fn buttons(&self) -> Vec<Vec<Button>> {
        buttons(&self.keyboard)
    }
}
