//! Groups and their topics.

use std::sync::Arc;

use serde_json::json;

use super::chat::{Status, Topic as TopicState};
use super::person::Person;
use crate::world::Shared;

/// Where somebody is: a chat, and perhaps a topic of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    pub(crate) chat_id: i64,
    pub(crate) topic_id: Option<i64>,
}

/// A group, of its creator's making.
#[derive(Clone, Debug)]
pub struct Group {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: i64,
    pub(crate) creator: i64,
}

impl From<&Group> for Spot {
    fn from(group: &Group) -> Self {
        Self { chat_id: group.id, topic_id: None }
    }
}

impl Group {
    /// Its number.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// Somebody comes in.
    pub fn add(&self, person: &Person) {
        self.shared.change(|world| world.set_member(person.id(), self.id, person.id(), Status::Member));
    }

    /// Somebody is made what they are from now on.
    pub fn set_member(&self, person: &Person, status: Status) {
        self.shared.change(|world| world.set_member(self.creator, self.id, person.id(), status));
    }

    /// The bot is made what it is from now on: an administrator, a member, kicked.
    pub fn set_bot(&self, status: Status) {
        self.shared.change(|world| world.set_bot(self.creator, self.id, status));
    }

    /// The group becomes a supergroup, with a number of its own.
    pub fn migrate(&self) -> Self {
        let id = -1_000_000_000_000 + self.id;
        self.shared.change(|world| world.migrate(self.id, id));
        Self { id, ..self.clone() }
    }

    /// A new topic, which makes a forum of the supergroup.
    pub fn topic(&self, name: &str) -> Topic {
        let what = json!({ "name": name, "icon_color": 7_322_096 });
        let id = self.shared.change(|world| {
            if let Some(chat) = world.chats.get_mut(&self.id) {
                chat.is_forum = true;
            }
            // A topic has the number of the message that tells of it, which is in it already.
            let id = world.messages.next_of_supergroup(self.id);
            world.happens(self.creator, self.id, Some(id), "forum_topic_created", what);
            if let Some(chat) = world.chats.get_mut(&self.id) {
                chat.topics.insert(id, TopicState { is_closed: false });
            }
            id
        });
        Topic { group: self.clone(), id }
    }
}

/// A topic of a forum.
#[derive(Clone, Debug)]
pub struct Topic {
    group: Group,
    id: i64,
}

impl From<&Topic> for Spot {
    fn from(topic: &Topic) -> Self {
        Self { chat_id: topic.group.id, topic_id: Some(topic.id) }
    }
}

impl Topic {
    /// Its number: `message_thread_id`.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// Only administrators may write in it from now on.
    pub fn close(&self) {
        self.set_closed(true, "forum_topic_closed");
    }

    /// Everybody may write in it again.
    pub fn reopen(&self) {
        self.set_closed(false, "forum_topic_reopened");
    }

    fn set_closed(&self, is_closed: bool, name: &'static str) {
        let Group { id: chat_id, creator, shared } = &self.group;
        shared.change(|world| {
            let chat = world.chats.get_mut(chat_id);
            if let Some(topic) = chat.and_then(|chat| chat.topics.get_mut(&self.id)) {
                topic.is_closed = is_closed;
            }
            world.happens(*creator, *chat_id, Some(self.id), name, json!({}));
        });
    }

    /// The topic goes, with everything in it. Bots are not told.
    pub fn delete(&self) {
        let chat_id = self.group.id;
        self.group.shared.change(|world| {
            if let Some(chat) = world.chats.get_mut(&chat_id) {
                chat.topics.remove(&self.id);
            }
            let in_it = world.messages.of_chat(chat_id).filter(|message| message.topic_id == Some(self.id));
            for id in in_it.map(|message| message.id).collect::<Vec<_>>() {
                if let Some(message) = world.messages.find_mut(chat_id, id) {
                    message.is_deleted = true;
                }
            }
        });
    }
}
