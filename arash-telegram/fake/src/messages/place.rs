//! Where a message goes: its chat, its topic, the message that it replies to.

use serde_json::Value;

use crate::people::{Access, reach};
use crate::transport::{Parameters, Refusal};
use crate::world::World;

/// The place of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) chat_id: i64,
    pub(crate) topic_id: Option<i64>,
    pub(crate) reply_to: Option<i64>,
}

impl Place {
    /// The place that a call names, if the bot may write there.
    pub(crate) fn read(world: &World, parameters: &Parameters) -> Result<Self, Refusal> {
        let wanted = Reply::read(parameters)?;
        let chat_id = reach(world, parameters, Access::Write)?;
        let topic_id = topic(world, chat_id, parameters.integer("message_thread_id"))?;
        let reply_to = match wanted {
            None => None,
            Some(reply) if world.message(chat_id, reply.message_id).is_some() => Some(reply.message_id),
            Some(reply) if reply.may_miss => None,
            Some(_) => return Err(Refusal::bad_request("message to be replied not found")),
        };
        // A reply is in the topic of what it replies to, unless it says otherwise.
        let of_replied = reply_to.and_then(|id| world.message(chat_id, id)).and_then(|message| message.topic_id);
        Ok(Self { chat_id, topic_id: topic_id.or(of_replied), reply_to })
    }
}

struct Reply {
    message_id: i64,
    may_miss: bool,
}

impl Reply {
    fn read(parameters: &Parameters) -> Result<Option<Self>, Refusal> {
        let Some(given) = parameters.json("reply_parameters", "reply parameters")? else {
            let may_miss = parameters.flag("allow_sending_without_reply");
            let old = parameters.integer("reply_to_message_id").filter(|id| *id > 0);
            return Ok(old.map(|message_id| Self { message_id, may_miss }));
        };
        let Value::Object(given) = given else {
            return Err(Refusal::bad_request("object expected as reply parameters"));
        };
        if given.is_empty() {
            return Ok(None);
        }
        let message_id = match given.get("message_id") {
            Some(Value::String(text)) => text.parse().ok(),
            Some(value) => value.as_i64(),
            None => return Err(Refusal::bad_request("can't find field \"message_id\"")),
        };
        let message_id =
            message_id.ok_or_else(|| Refusal::bad_request("field \"message_id\" must be of type Number"))?;
        let may_miss = given.get("allow_sending_without_reply") == Some(&Value::Bool(true));
        Ok(Some(Self { message_id, may_miss }).filter(|reply| reply.message_id > 0))
    }
}

/// The topic with this number, if the bot may write in it. General has none: not even 1.
fn topic(world: &World, chat_id: i64, wanted: Option<i64>) -> Result<Option<i64>, Refusal> {
    let (Some(wanted), Some(chat)) = (wanted.filter(|id| *id != 0), world.chats.get(&chat_id)) else {
        return Ok(None);
    };
    match chat.topics.get(&wanted) {
        Some(topic) if topic.is_closed && !chat.bot.is_admin() => Err(Refusal::bad_request("TOPIC_CLOSED")),
        Some(_) => Ok(Some(wanted)),
        None => Err(Refusal::bad_request("message thread not found")),
    }
}
