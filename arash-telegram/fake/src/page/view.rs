//! What people see, as JSON.

use serde_json::{Value, json};

use crate::messages::{Content, Message};
use crate::world::World;

pub(super) fn chats(world: &World) -> Value {
    let chat = |chat: &crate::people::Chat| {
        let members: Vec<_> = chat.members.keys().collect();
        json!({ "id": chat.id, "title": chat.title, "is_private": chat.is_private(), "members": members })
    };
    json!({ "bot": world.bot.username, "chats": world.chats.values().map(chat).collect::<Vec<_>>() })
}

pub(super) fn answer(world: &World, query: &str) -> Value {
    world
        .callbacks
        .answer(query)
        .map_or(Value::Null, |answer| json!({ "text": answer.text, "is_alert": answer.is_alert }))
}

/// The messages of a chat that were not deleted, and what is going on in it.
pub(super) fn messages(world: &World, chat_id: i64, revision: u64) -> Value {
    let now = world.now();
    let chat = world.chats.get(&chat_id);
    let action = chat.and_then(|chat| chat.action.as_ref()).filter(|action| now < action.until);
    let draft = chat.and_then(|chat| chat.draft.as_ref()).filter(|(_, until)| now < *until);
    let seen = world.messages.of_chat(chat_id).filter(|message| !message.is_deleted);
    json!({
        "revision": revision.to_string(),
        "action": action.map(|action| &action.name),
        "draft": draft.map(|(text, _)| text),
        "keyboard": chat.map(|chat| chat.reply_keyboard.clone()),
        "messages": seen.map(|message| shown(world, message)).collect::<Vec<_>>(),
    })
}

fn shown(world: &World, message: &Message) -> Value {
    let from = world.users.get(&message.from).map_or(&world.bot.username, |user| &user.name);
    let button =
        |button: crate::messages::Button| json!({ "text": button.text, "data": button.data, "url": button.url });
    let buttons: Vec<Vec<Value>> =
        message.buttons().into_iter().map(|row| row.into_iter().map(button).collect()).collect();
    let service = match &message.content {
        Content::Service(name, _) => Some(name),
        _ => None,
    };
    json!({
        "id": message.id,
        "from": from,
        "is_from_bot": message.is_from_bot,
        "sent_at": message.sent_at.unix_seconds(),
        "is_edited": message.edited_at.is_some(),
        "text": message.text(),
        "entities": message.formatted().entities_json(),
        "is_rich": message.is_rich(),
        "file": message.file().map(|file| json!({ "id": file.id(), "kind": file.kind.name(), "name": file.name })),
        "service": service,
        "reply_to": message.reply_to,
        "topic": message.topic_id,
        "buttons": buttons,
    })
}
