//! What people do, and what the bot is told of it.

use serde_json::{Value, json};

use super::chat::{ChatKind, Status};
use super::members::member_json;
use crate::clock::Timestamp;
use crate::messages::{Content, Draft, Message, Place, render};
use crate::world::World;

impl World {
    /// Somebody sends something. The bot is told, if it may know.
    pub(super) fn sends(&mut self, from: i64, place: Place, content: Content, album: Option<String>) -> i64 {
        let id = self.post(Draft { from, place, content, album, keyboard: Value::Null });
        self.tell_of(place.chat_id, id, "message");
        id
    }

    /// Something happens in a chat that shows as a message.
    pub(super) fn happens(
        &mut self,
        by: i64,
        chat_id: i64,
        topic_id: Option<i64>,
        name: &'static str,
        what: Value,
    ) -> i64 {
        self.sends(by, Place { chat_id, topic_id, reply_to: None }, Content::Service(name, what), None)
    }

    pub(super) fn tell_of(&mut self, chat_id: i64, message_id: i64, kind: &str) {
        let now = self.now();
        let Some(message) = self.message(chat_id, message_id).filter(|message| self.may_see(message)) else { return };
        let rendered = render(self, message);
        self.updates.push(now, kind, chat_id, rendered);
    }

    /// Whether the bot is shown a message: in groups privacy mode keeps from it what does not concern it.
    fn may_see(&self, message: &Message) -> bool {
        let Some(chat) = self.chats.get(&message.chat_id).filter(|chat| chat.bot.is_present()) else { return false };
        let sees_all = chat.is_private() || !self.bot.has_privacy || chat.bot.is_admin();
        let replied = message.reply_to.and_then(|id| self.message(message.chat_id, id));
        let is_service = matches!(message.content, Content::Service(..));
        sees_all || is_service || replied.is_some_and(|replied| replied.is_from_bot) || self.is_commanded(message)
    }

    /// Whether a message begins with a command that is not for another bot.
    fn is_commanded(&self, message: &Message) -> bool {
        let first = message.formatted().entities.first();
        let Some(entity) = first.filter(|entity| entity.offset == 0 && entity.kind == "bot_command") else {
            return false;
        };
        // Commands are ASCII: a unit is a byte.
        let command = message.text().get(..entity.length).unwrap_or_default();
        command.split_once('@').is_none_or(|(_, name)| name.eq_ignore_ascii_case(&self.bot.username))
    }

    /// Somebody makes of the bot what it is from now on in a chat.
    pub(crate) fn set_bot(&mut self, by: i64, chat_id: i64, status: Status) {
        let (now, bot) = (self.now(), self.bot.to_json());
        let Some(chat) = self.chats.get_mut(&chat_id) else { return };
        let (old, kind) = (chat.bot, chat.kind);
        if old == status {
            return;
        }
        chat.bot = status;
        let (from, chat) = (self.users.get(&by).map_or(Value::Null, super::User::to_json), chat.to_json());
        let change = change_json(now, &chat, &from, &bot, (old, status));
        self.updates.push(now, "my_chat_member", chat_id, change);
        if kind != ChatKind::Private && status.is_present() && !old.is_present() {
            self.happens(by, chat_id, None, "new_chat_members", json!([bot]));
        }
    }

    /// Somebody makes of a person what they are from now on in a chat.
    pub(super) fn set_member(&mut self, by: i64, chat_id: i64, person: i64, status: Status) {
        let now = self.now();
        let user = self.users.get(&person).map_or(Value::Null, super::User::to_json);
        let from = self.users.get(&by).map_or(Value::Null, super::User::to_json);
        let Some(chat) = self.chats.get_mut(&chat_id) else { return };
        let old = chat.members.insert(person, status).unwrap_or(Status::Left);
        let (chat, sees_members) = (chat.to_json(), chat.bot.is_admin());
        if old == status {
            return;
        }
        if sees_members {
            let change = change_json(now, &chat, &from, &user, (old, status));
            self.updates.push(now, "chat_member", chat_id, change);
        }
        match (old.is_present(), status.is_present()) {
            (false, true) => self.happens(by, chat_id, None, "new_chat_members", json!([user])),
            (true, false) => self.happens(by, chat_id, None, "left_chat_member", user),
            _ => 0,
        };
    }

    /// Makes a supergroup of a group and tells its number.
    pub(super) fn migrate(&mut self, chat_id: i64, to: i64) {
        let Some(group) = self.chats.get_mut(&chat_id) else { return };
        let mut supergroup = group.clone();
        (supergroup.id, supergroup.kind) = (to, ChatKind::Supergroup);
        group.migrated_to = Some(to);
        let creator = group.members.keys().next().copied().unwrap_or_default();
        self.chats.insert(to, supergroup);
        self.happens(creator, chat_id, None, "migrate_to_chat_id", json!(to));
        self.happens(creator, to, None, "migrate_from_chat_id", json!(chat_id));
    }
}

/// What somebody has made of a member of a chat: what that was, and what it is.
fn change_json(now: Timestamp, chat: &Value, from: &Value, member: &Value, (old, new): (Status, Status)) -> Value {
    json!({
        "chat": chat,
        "from": from,
        "date": now.unix_seconds(),
        "old_chat_member": member_json(member, old),
        "new_chat_member": member_json(member, new),
    })
}
