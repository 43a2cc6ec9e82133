//! `sendMessage`.

use serde_json::Value;

use super::keyboard::Markup;
use super::message::Content;
use super::place::Place;
use super::render::render;
use super::store::Draft;
use crate::text::{FormattedText, MAX_TEXT};
use crate::transport::{Outcome, Parameters, Refusal};
use crate::world::World;

pub(crate) fn send_message(world: &mut World, parameters: &Parameters) -> Outcome {
    let text = read_text(parameters)?;
    let markup = Markup::read(parameters)?;
    let place = Place::read(world, parameters)?;
    send(world, place, Content::Text(text), markup)
}

/// The text of a message: neither empty nor too long once it is parsed.
pub(super) fn read_text(parameters: &Parameters) -> Result<FormattedText, Refusal> {
    if parameters.text("text").is_none() {
        return Err(Refusal::bad_request("message text is empty"));
    }
    let text = FormattedText::read(parameters, "text", "entities")?;
    if text.text.is_empty() {
        return Err(Refusal::bad_request("text must be non-empty"));
    }
    if text.length() > MAX_TEXT {
        return Err(Refusal::bad_request("message is too long"));
    }
    Ok(text)
}

/// Sends something with what belongs under it.
pub(super) fn send(world: &mut World, place: Place, content: Content, markup: Markup) -> Outcome {
    let is_private = world.chats.get(&place.chat_id).is_some_and(crate::people::Chat::is_private);
    markup.check(is_private)?;
    let (keyboard, reply_keyboard) = markup.split();
    if let (Some(reply_keyboard), Some(chat)) = (reply_keyboard, world.chats.get_mut(&place.chat_id)) {
        chat.reply_keyboard = reply_keyboard;
    }
    let id = world.post(Draft { from: world.bot.id, place, content, album: None, keyboard });
    Ok(world.message(place.chat_id, id).map_or(Value::Null, |message| render(world, message)))
}
