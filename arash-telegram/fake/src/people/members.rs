//! What the bot can ask about itself, chats and members, and what it shows to be doing.

use std::time::Duration;

use serde_json::{Value, json};

use super::access::{Access, reach};
use super::chat::{Action, ChatKind, Status};
use crate::object::Object;
use crate::transport::{Outcome, Parameters, Refusal};
use crate::world::World;

const ACTION_SHOWN: Duration = Duration::from_secs(5);
const ACTIONS: &[&str] = &[
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
];

#[expect(clippy::unnecessary_wraps, reason = "it has the form of all methods")]
pub(crate) fn get_me(world: &mut World, _: &Parameters) -> Outcome {
    let mut me = world.bot.to_json();
    me.set("can_join_groups", true);
    me.set("can_read_all_group_messages", !world.bot.has_privacy);
    for name in ["supports_inline_queries", "can_connect_to_business", "has_main_web_app", "has_topics_enabled"] {
        me.set(name, false);
    }
    Ok(me)
}

pub(crate) fn get_chat(world: &mut World, parameters: &Parameters) -> Outcome {
    let id = reach(world, parameters, Access::Read)?;
    let mut chat = world.chats.get(&id).map_or(Value::Null, super::Chat::to_json);
    chat.set("accent_color_id", 0);
    chat.set("max_reaction_count", 11);
    let gifts = ["unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"];
    let gifts: Value = gifts.iter().map(|name| ((*name).to_owned(), json!(false))).collect();
    chat.set("accepted_gift_types", gifts);
    Ok(chat)
}

pub(crate) fn get_chat_member(world: &mut World, parameters: &Parameters) -> Outcome {
    let chat_id = reach(world, parameters, Access::Read)?;
    let Some(user_id) = parameters.integer("user_id") else {
        return Err(Refusal::bad_request("invalid user_id specified"));
    };
    let found = members(world, chat_id).into_iter().find(|(id, ..)| *id == user_id);
    if let Some((_, user, status)) = found {
        return Ok(member_json(&user, status));
    }
    let user = world.users.get(&user_id).ok_or_else(|| Refusal::bad_request("user not found"))?;
    Ok(member_json(&user.to_json(), Status::Left))
}

pub(crate) fn get_chat_member_count(world: &mut World, parameters: &Parameters) -> Outcome {
    let chat_id = reach(world, parameters, Access::Read)?;
    Ok(json!(members(world, chat_id).iter().filter(|(.., status)| status.is_present()).count()))
}

pub(crate) fn get_chat_administrators(world: &mut World, parameters: &Parameters) -> Outcome {
    let chat_id = reach(world, parameters, Access::Read)?;
    if world.chats.get(&chat_id).is_some_and(super::Chat::is_private) {
        return Err(Refusal::bad_request("there are no administrators in the private chat"));
    }
    let bot = world.bot.id;
    let people = members(world, chat_id).into_iter().filter(|(id, _, status)| status.is_admin() && *id != bot);
    Ok(people.map(|(_, user, status)| member_json(&user, status)).collect())
}

pub(crate) fn leave_chat(world: &mut World, parameters: &Parameters) -> Outcome {
    let chat_id = reach(world, parameters, Access::Read)?;
    let chat = world.chats.get_mut(&chat_id).filter(|chat| chat.kind != ChatKind::Private);
    let chat = chat.ok_or_else(|| Refusal::bad_request("chat member status can't be changed in private chats"))?;
    chat.bot = Status::Left;
    Ok(json!(true))
}

pub(crate) fn send_chat_action(world: &mut World, parameters: &Parameters) -> Outcome {
    let name = parameters.text("action").unwrap_or_default().to_ascii_lowercase();
    if !ACTIONS.contains(&name.as_str()) {
        return Err(Refusal::bad_request("wrong parameter action in request"));
    }
    let chat_id = reach(world, parameters, Access::Write)?;
    let until = world.now().plus(ACTION_SHOWN);
    if let Some(chat) = world.chats.get_mut(&chat_id) {
        chat.action = Some(Action { name, until });
    }
    Ok(json!(true))
}

/// Everybody who is or was in a chat, the bot too.
fn members(world: &World, chat_id: i64) -> Vec<(i64, Value, Status)> {
    let Some(chat) = world.chats.get(&chat_id) else { return Vec::new() };
    let people = chat.members.iter().filter_map(|(id, status)| Some((*id, world.users.get(id)?.to_json(), *status)));
    let bot = (world.bot.id, world.bot.to_json(), chat.bot);
    people.chain([bot]).collect()
}

/// A member of a chat, as the API tells it.
pub(super) fn member_json(user: &Value, status: Status) -> Value {
    match status {
        Status::Creator => json!({ "user": user, "status": "creator", "is_anonymous": false }),
        Status::Administrator => {
            let mut member =
                json!({ "user": user, "status": "administrator", "is_anonymous": false, "can_be_edited": false });
            for right in [
                "can_manage_chat",
                "can_delete_messages",
                "can_manage_video_chats",
                "can_restrict_members",
                "can_promote_members",
                "can_change_info",
                "can_invite_users",
                "can_post_stories",
                "can_edit_stories",
                "can_delete_stories",
                "can_pin_messages",
                "can_manage_topics",
            ] {
                member.set(right, true);
            }
            member
        }
        Status::Member => json!({ "user": user, "status": "member" }),
        Status::Left => json!({ "user": user, "status": "left" }),
        Status::Kicked => json!({ "user": user, "status": "kicked", "until_date": 0 }),
    }
}
