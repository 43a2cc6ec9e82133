//! The chats: who is in them, and their topics.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::clock::Timestamp;

/// What a chat is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatKind {
    /// A person and the bot.
    Private,
    /// A small group, which may become a supergroup.
    Group,
    /// A group that can have topics.
    Supergroup,
}

/// What a member of a chat is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Made the chat.
    Creator,
    /// May do everything that the creator may.
    Administrator,
    /// Is in it.
    Member,
    /// Is not in it, and may come back.
    Left,
    /// Is not in it, and may not come back.
    Kicked,
}

impl Status {
    pub(crate) const fn is_present(self) -> bool {
        matches!(self, Self::Creator | Self::Administrator | Self::Member)
    }

    pub(crate) const fn is_admin(self) -> bool {
        matches!(self, Self::Creator | Self::Administrator)
    }
}

/// A topic of a forum.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    pub(crate) is_closed: bool,
}

/// What the bot shows to be doing, as `typing`.
#[derive(Clone, Debug)]
pub(crate) struct Action {
    pub(crate) name: String,
    pub(crate) until: Timestamp,
}

#[derive(Clone, Debug)]
pub(crate) struct Chat {
    pub(crate) id: i64,
    pub(crate) kind: ChatKind,
    /// The title of a group, the name of a person.
    pub(crate) title: String,
    pub(crate) is_forum: bool,
    pub(crate) members: BTreeMap<i64, Status>,
    pub(crate) bot: Status,
    /// Whether the person has ever written to the bot; nobody is written to before.
    pub(crate) is_begun: bool,
    pub(crate) migrated_to: Option<i64>,
    pub(crate) topics: BTreeMap<i64, Topic>,
    pub(crate) action: Option<Action>,
    /// The text that is being drafted, and until when it shows.
    pub(crate) draft: Option<(String, Timestamp)>,
    /// The keyboard in place of the user's own: the last `keyboard`, `force_reply` or null.
    pub(crate) reply_keyboard: Value,
}

impl Chat {
    pub(crate) fn new(id: i64, kind: ChatKind, title: &str) -> Self {
        Self {
            id,
            kind,
            title: title.to_owned(),
            is_forum: false,
            members: BTreeMap::new(),
            bot: Status::Member,
            is_begun: kind != ChatKind::Private,
            migrated_to: None,
            topics: BTreeMap::new(),
            action: None,
            draft: None,
            reply_keyboard: Value::Null,
        }
    }

    pub(crate) const fn is_private(&self) -> bool {
        matches!(self.kind, ChatKind::Private)
    }

    /// The chat as messages show it.
    pub(crate) fn to_json(&self) -> Value {
        match self.kind {
            ChatKind::Private => json!({ "id": self.id, "type": "private", "first_name": self.title }),
            ChatKind::Group => json!({ "id": self.id, "type": "group", "title": self.title }),
            ChatKind::Supergroup if self.is_forum => {
                json!({ "id": self.id, "type": "supergroup", "title": self.title, "is_forum": true })
            }
            ChatKind::Supergroup => json!({ "id": self.id, "type": "supergroup", "title": self.title }),
        }
    }
}
