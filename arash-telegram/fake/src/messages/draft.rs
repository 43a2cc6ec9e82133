//! Drafts: a text that shows in a private chat while it is written.

use std::time::Duration;

use serde_json::json;

use crate::people::{Access, Chat, reach};
use crate::text::{FormattedText, MAX_TEXT};
use crate::transport::{Outcome, Parameters, Refusal};
use crate::world::World;

const SHOWN: Duration = Duration::from_secs(30);

pub(crate) fn send_message_draft(world: &mut World, parameters: &Parameters) -> Outcome {
    let text = FormattedText::read(parameters, "text", "entities")?;
    if text.length() > MAX_TEXT {
        return Err(Refusal::bad_request("message is too long"));
    }
    let chat_id = reach(world, parameters, Access::Write)?;
    if parameters.integer("draft_id").is_none_or(|id| id == 0) {
        return Err(Refusal::bad_request("RANDOM_ID_INVALID"));
    }
    let until = world.now().plus(SHOWN);
    let chat = world.chats.get_mut(&chat_id).filter(|chat| Chat::is_private(chat));
    let chat = chat.ok_or_else(|| Refusal::bad_request("TEXTDRAFT_PEER_INVALID"))?;
    chat.draft = Some((text.text, until)).filter(|(text, _)| !text.is_empty());
    Ok(json!(true))
}
