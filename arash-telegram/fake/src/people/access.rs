//! Whether the bot may do something in a chat, in Telegram's words.

use super::{Chat, ChatKind, Status};
use crate::transport::{Parameters, Refusal};
use crate::world::World;

/// What the bot wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Look at it.
    Read,
    /// Write to it.
    Write,
}

/// The chat that the parameter `chat_id` names, if the bot may do this in it.
pub(crate) fn reach(world: &World, parameters: &Parameters, access: Access) -> Result<i64, Refusal> {
    let Some(given) = parameters.text("chat_id") else {
        return Err(Refusal::bad_request("chat_id is empty"));
    };
    let chat = given.trim().parse().ok().and_then(|id: i64| world.chats.get(&id));
    let chat = chat.ok_or_else(|| Refusal::bad_request("chat not found"))?;
    check(chat, access)?;
    Ok(chat.id)
}

fn check(chat: &Chat, access: Access) -> Result<(), Refusal> {
    let writes = access == Access::Write;
    match (chat.kind, chat.bot) {
        (ChatKind::Private, _) if writes && !chat.is_begun => {
            Err(Refusal::forbidden("bot can't initiate conversation with a user"))
        }
        (ChatKind::Private, Status::Kicked) if writes => Err(Refusal::forbidden("bot was blocked by the user")),
        (ChatKind::Group, _) if writes && chat.migrated_to.is_some() => {
            Err(Refusal::migrated(chat.migrated_to.unwrap_or_default()))
        }
        (ChatKind::Group, Status::Kicked) if writes => Err(Refusal::forbidden("bot was kicked from the group chat")),
        (ChatKind::Group, Status::Left) if writes => Err(Refusal::forbidden("bot is not a member of the group chat")),
        (ChatKind::Supergroup, Status::Kicked) => Err(Refusal::forbidden("bot was kicked from the supergroup chat")),
        (ChatKind::Supergroup, Status::Left) => Err(Refusal::forbidden("bot is not a member of the supergroup chat")),
        _ => Ok(()),
    }
}
