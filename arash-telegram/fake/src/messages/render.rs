//! Messages as bots get them.

use serde_json::{Value, json};

use super::message::{Content, Message};
use crate::object::Object;
use crate::people::{Chat, User};
use crate::world::World;

/// A message with the one that it replies to.
pub(crate) fn render(world: &World, message: &Message) -> Value {
    let mut rendered = render_alone(world, message);
    if let Some(replied) = message.reply_to.and_then(|id| world.message(message.chat_id, id)) {
        rendered.set("reply_to_message", render_alone(world, replied));
    }
    rendered
}

fn render_alone(world: &World, message: &Message) -> Value {
    let mut rendered = json!({ "message_id": message.id, "date": message.sent_at.unix_seconds() });
    let user = world.users.get(&message.from);
    rendered.set("from", user.map_or_else(|| world.bot.to_json(), User::to_json));
    let chat = world.chats.get(&message.chat_id);
    rendered.set("chat", chat.map_or(Value::Null, Chat::to_json));
    if let Some(at) = message.edited_at {
        rendered.set("edit_date", at.unix_seconds());
    }
    if let Some(topic) = message.topic_id {
        rendered.set("message_thread_id", topic);
        rendered.set("is_topic_message", true);
    }
    if let Some(album) = &message.album {
        rendered.set("media_group_id", album.as_str());
    }
    if !message.keyboard.is_null() {
        rendered.set("reply_markup", message.keyboard.clone());
    }
    match &message.content {
        Content::Text(text) => {
            rendered.set("text", text.text.as_str());
            if !text.entities.is_empty() {
                rendered.set("entities", text.entities_json());
            }
        }
        // Blocks are for Telegram to make; whoever reads them finds all of it in one.
        Content::Rich { markdown, is_rtl } => {
            let mut rich = json!({ "blocks": [{ "type": "paragraph", "text": markdown.text }] });
            if *is_rtl {
                rich.set("is_rtl", true);
            }
            rendered.set("rich_message", rich);
        }
        Content::File { file, caption } => {
            rendered.set(file.kind.name(), file.to_json());
            if !caption.text.is_empty() {
                rendered.set("caption", caption.text.as_str());
            }
            if !caption.entities.is_empty() {
                rendered.set("caption_entities", caption.entities_json());
            }
        }
        Content::Service(name, value) => rendered.set(name, value.clone()),
    }
    rendered
}
