use serde::Serialize;
use teloxide::requests::Payload;
use teloxide::types::{ChatId, MessageEntity, ThreadId};

/// `sendMessageDraft` (Bot API 9.5), which teloxide does not have yet: shows a text in a private chat while it is written.
/// It is gone after 30 seconds, and when a message comes.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SendMessageDraft {
    pub(crate) chat_id: ChatId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_thread_id: Option<ThreadId>,
    /// What is shown under one number is a change of one draft; never 0.
    pub(crate) draft_id: i32,
    pub(crate) text: String,
    pub(crate) entities: Vec<MessageEntity>,
}

impl Payload for SendMessageDraft {
    type Output = bool;
    const NAME: &'static str = "SendMessageDraft";
}
