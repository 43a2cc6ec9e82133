//! All messages, and how new ones come about.

use std::collections::BTreeMap;

use serde_json::Value;

use super::message::{Content, Message, Version};
use super::place::Place;
use crate::people::ChatKind;
use crate::world::World;

/// All messages of all chats.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    by_place: BTreeMap<(i64, i64), Message>,
    /// The last number that was given, by supergroup; all other chats share the numbers of 0.
    last: BTreeMap<i64, i64>,
    albums: u64,
}

impl Messages {
    /// A message that was not deleted.
    pub(crate) fn find(&self, chat_id: i64, id: i64) -> Option<&Message> {
        self.by_place.get(&(chat_id, id)).filter(|message| !message.is_deleted)
    }

    pub(crate) fn find_mut(&mut self, chat_id: i64, id: i64) -> Option<&mut Message> {
        self.by_place.get_mut(&(chat_id, id)).filter(|message| !message.is_deleted)
    }

    /// All messages of a chat, deleted ones too, in order.
    pub(crate) fn of_chat(&self, chat_id: i64) -> impl Iterator<Item = &Message> {
        self.by_place.range((chat_id, i64::MIN)..=(chat_id, i64::MAX)).map(|(_, message)| message)
    }

    /// The number that the next message of a supergroup gets.
    pub(crate) fn next_of_supergroup(&self, chat_id: i64) -> i64 {
        self.last.get(&chat_id).map_or(1, |last| last + 1)
    }

    pub(crate) fn new_album(&mut self) -> String {
        self.albums += 1;
        (13_000_000_000_000_000 + self.albums).to_string()
    }
}

/// A message that is about to be.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) from: i64,
    pub(crate) place: Place,
    pub(crate) content: Content,
    pub(crate) album: Option<String>,
    pub(crate) keyboard: Value,
}

impl World {
    /// Puts a message into its chat and tells its number.
    pub(crate) fn post(&mut self, draft: Draft) -> i64 {
        let Place { chat_id, topic_id, reply_to } = draft.place;
        let is_from_bot = draft.from == self.bot.id;
        let kind = self.chats.get(&chat_id).map(|chat| chat.kind);
        let last = self.messages.last.entry(if kind == Some(ChatKind::Supergroup) { chat_id } else { 0 }).or_default();
        *last += 1;
        let (id, now) = (*last, self.now());
        let mut message = Message {
            id,
            chat_id,
            topic_id,
            from: draft.from,
            is_from_bot,
            sent_at: now,
            edited_at: None,
            is_deleted: false,
            content: draft.content,
            reply_to,
            album: draft.album,
            keyboard: draft.keyboard,
            versions: Vec::new(),
        };
        message.versions.push(Version { at: now, text: message.text().to_owned() });
        self.messages.by_place.insert((chat_id, id), message);
        if let Some(chat) = self.chats.get_mut(&chat_id) {
            if is_from_bot {
                (chat.action, chat.draft) = (None, None);
            } else {
                chat.is_begun = true;
            }
        }
        id
    }
}
