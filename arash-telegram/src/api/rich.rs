use serde::Serialize;
use teloxide::requests::Payload;
use teloxide::types::{ChatId, Message};

use crate::markdown::RichMessage;

/// `editMessageText` with a rich message (Bot API 10.1) in the place of a text, which teloxide does not have yet.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct EditRichMessage {
    pub(crate) chat_id: ChatId,
    pub(crate) message_id: i32,
    pub(crate) rich_message: RichMessage,
}

impl Payload for EditRichMessage {
    type Output = Message;
    const NAME: &'static str = "EditMessageText";
}
