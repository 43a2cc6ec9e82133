//! Deletions.

use std::time::Duration;

use serde_json::{Value, json};

use crate::people::{Access, reach};
use crate::transport::{Outcome, Parameters, Refusal};
use crate::world::World;

/// For how long a bot may delete what it may not delete as an administrator.
const DELETABLE: Duration = Duration::from_secs(48 * 3600);
const MOST: usize = 100;

pub(crate) fn delete_message(world: &mut World, parameters: &Parameters) -> Outcome {
    let chat_id = reach(world, parameters, Access::Write)?;
    let Some(id) = parameters.integer("message_id").filter(|id| *id > 0) else {
        return Err(Refusal::bad_request("message identifier is not specified"));
    };
    if world.message(chat_id, id).is_none() {
        return Err(Refusal::bad_request("message to delete not found"));
    }
    if !may_delete(world, chat_id, id) {
        return Err(Refusal::bad_request("message can't be deleted"));
    }
    delete(world, chat_id, id);
    Ok(json!(true))
}

/// What is not there is passed over, as Telegram does.
pub(crate) fn delete_messages(world: &mut World, parameters: &Parameters) -> Outcome {
    let chat_id = reach(world, parameters, Access::Write)?;
    let Some(Value::Array(ids)) = parameters.json("message_ids", "message identifiers")? else {
        return Err(Refusal::bad_request("message identifiers are not specified"));
    };
    if ids.len() > MOST {
        return Err(Refusal::bad_request("too many message identifiers specified"));
    }
    let ids: Option<Vec<i64>> = ids.iter().map(Value::as_i64).collect();
    let ids = ids.ok_or_else(|| Refusal::bad_request("message identifier must be a Number"))?;
    if ids.iter().any(|id| world.message(chat_id, *id).is_some() && !may_delete(world, chat_id, *id)) {
        return Err(Refusal::bad_request("message can't be deleted"));
    }
    for id in ids {
        delete(world, chat_id, id);
    }
    Ok(json!(true))
}

fn may_delete(world: &World, chat_id: i64, id: i64) -> bool {
    let (Some(message), Some(chat)) = (world.message(chat_id, id), world.chats.get(&chat_id)) else { return false };
    let is_young = world.now().since(message.sent_at) < DELETABLE;
    chat.bot.is_admin() || (is_young && (message.is_from_bot || chat.is_private()))
}

fn delete(world: &mut World, chat_id: i64, id: i64) {
    if let Some(message) = world.messages.find_mut(chat_id, id) {
        message.is_deleted = true;
    }
}
