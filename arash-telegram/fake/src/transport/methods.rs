//! The methods that the server knows, by name in small letters.

use super::parameters::Parameters;
use super::refusal::{Outcome, Refusal};
use crate::world::World;
use crate::{files, messages, people, updates};

/// How a method counts for flood control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// Not at all.
    Free,
    /// As a message to its chat.
    Message,
    /// As as many messages as there are in the album.
    Album,
    /// Only for the bot as a whole.
    Light,
}

/// What a method is.
pub(super) struct Method {
    /// As Telegram spells it.
    pub(super) name: &'static str,
    pub(super) weight: Weight,
    pub(super) run: fn(&mut World, &Parameters) -> Outcome,
}

macro_rules! methods {
    ($($name:literal $weight:ident $run:path;)*) => {
        &[$(Method { name: $name, weight: Weight::$weight, run: $run }),*]
    };
}

const METHODS: &[Method] = methods! {
    "getMe" Free people::get_me;
    // Waits for updates, and is run by the transport itself.
    "getUpdates" Free waits;
    "setWebhook" Free updates::set_webhook;
    "deleteWebhook" Free updates::delete_webhook;
    "getWebhookInfo" Free updates::get_webhook_info;
    "sendMessage" Message messages::send_message;
    "sendMessageDraft" Light messages::send_message_draft;
    "sendPhoto" Message messages::send_photo;
    "sendDocument" Message messages::send_document;
    "sendVoice" Message messages::send_voice;
    "sendAudio" Message messages::send_audio;
    "sendVideo" Message messages::send_video;
    "sendMediaGroup" Album messages::send_media_group;
    "sendChatAction" Light people::send_chat_action;
    "editMessageText" Message messages::edit_message_text;
    "editMessageCaption" Message messages::edit_message_caption;
    "editMessageReplyMarkup" Message messages::edit_message_reply_markup;
    "deleteMessage" Free messages::delete_message;
    "deleteMessages" Free messages::delete_messages;
    "answerCallbackQuery" Free messages::answer_callback_query;
    "getFile" Free files::get_file;
    "setMyCommands" Free people::set_my_commands;
    "getMyCommands" Free people::get_my_commands;
    "deleteMyCommands" Free people::delete_my_commands;
    "getChat" Free people::get_chat;
    "getChatMember" Free people::get_chat_member;
    "getChatMemberCount" Free people::get_chat_member_count;
    "getChatAdministrators" Free people::get_chat_administrators;
    "leaveChat" Free people::leave_chat;
};

fn waits(_: &mut World, _: &Parameters) -> Outcome {
    Err(Refusal::new(404, "Not Found: method not found"))
}

/// The method of this name, in whatever letters.
pub(super) fn find(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name.eq_ignore_ascii_case(name))
}
