//! Edits of what the bot has sent.

use serde_json::Value;

use super::keyboard::Markup;
use super::media::read_caption;
use super::message::{Content, Message, Version};
use super::render::render;
use super::send::read_text;
use crate::people::{Access, reach};
use crate::text::{FormattedText, read_rich};
use crate::transport::{Outcome, Parameters, Refusal};
use crate::world::World;

const NOT_MODIFIED: &str = "message is not modified: specified new message content and reply markup are exactly the \
                            same as a current content and reply markup of the message";

pub(crate) fn edit_message_text(world: &mut World, parameters: &Parameters) -> Outcome {
    let content = match read_rich(parameters)? {
        // Telegram takes one of them in silence.
        Some(_) if parameters.text("text").is_some() => {
            return Err(Refusal::bad_request("a message has either a text or a rich message"));
        }
        Some((text, is_rtl)) => Content::Rich { markdown: FormattedText { text, entities: Vec::new() }, is_rtl },
        None => Content::Text(read_text(parameters)?),
    };
    edit(world, parameters, |message| match &message.content {
        Content::Text(_) | Content::Rich { .. } => Ok(content),
        _ => Err(Refusal::bad_request("there is no text in the message to edit")),
    })
}

pub(crate) fn edit_message_caption(world: &mut World, parameters: &Parameters) -> Outcome {
    let caption = read_caption(parameters)?;
    edit(world, parameters, |message| match &message.content {
        Content::File { file, .. } => Ok(Content::File { file: file.clone(), caption }),
        _ => Err(Refusal::bad_request("there is no caption in the message to edit")),
    })
}

pub(crate) fn edit_message_reply_markup(world: &mut World, parameters: &Parameters) -> Outcome {
    edit(world, parameters, |message| Ok(message.content.clone()))
}

/// Makes of the message that a call names what `change` makes of it. A keyboard that is not given again goes.
fn edit(
    world: &mut World,
    parameters: &Parameters,
    change: impl FnOnce(&Message) -> Result<Content, Refusal>,
) -> Outcome {
    let keyboard = Markup::read_inline(parameters)?;
    if parameters.text("inline_message_id").is_some() {
        return Err(Refusal::bad_request("MESSAGE_ID_INVALID"));
    }
    let chat_id = reach(world, parameters, Access::Write)?;
    let Some(id) = parameters.integer("message_id").filter(|id| *id > 0) else {
        return Err(Refusal::bad_request("message identifier is not specified"));
    };
    let Some(message) = world.message(chat_id, id) else {
        return Err(Refusal::bad_request("message to edit not found"));
    };
    if !message.is_from_bot || matches!(message.content, Content::Service(..)) {
        return Err(Refusal::bad_request("message can't be edited"));
    }
    let content = change(message)?;
    if content == message.content && keyboard == message.keyboard {
        return Err(Refusal::bad_request(NOT_MODIFIED));
    }
    let is_private = world.chats.get(&chat_id).is_some_and(crate::people::Chat::is_private);
    Markup::Inline(keyboard.clone()).check(is_private)?;
    let now = world.now();
    if let Some(message) = world.messages.find_mut(chat_id, id) {
        (message.content, message.keyboard, message.edited_at) = (content, keyboard, Some(now));
        message.versions.push(Version { at: now, text: message.text().to_owned() });
    }
    Ok(world.message(chat_id, id).map_or(Value::Null, |message| render(world, message)))
}
