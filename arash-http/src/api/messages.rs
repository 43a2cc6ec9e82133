use arash_core::Engine;
use arash_core::message::{AttachmentRecord, ToolCall};
use arash_core::session::{MessagePage, StoredMessage};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::Group;
use super::sessions::accessible;
use crate::auth::Caller;
use crate::cursor::{self, Cursor};
use crate::page::PageLimit;
use crate::refusal::{Refusal, statuses};
use crate::time::Time;

statuses! {
    /// A page of one session, by its id.
    MessagesRefused = [401, 403, 404, 422, 500, 503];
}

/// A file that was beside the text. Its content is not kept.
#[derive(Debug, Object)]
#[oai(rename = "AttachmentRecord")]
struct AttachmentView {
    /// What it is: `image`, `audio` or `document`.
    kind: String,
    /// Its media type, where known.
    #[oai(nullable)]
    media_type: Option<String>,
    /// The size of its content in bytes, where it was sent along.
    #[oai(nullable)]
    bytes: Option<u64>,
    /// Its address, where it was given by address.
    #[oai(nullable)]
    url: Option<String>,
}

impl From<&AttachmentRecord> for AttachmentView {
    fn from(record: &AttachmentRecord) -> Self {
        Self {
            kind: record.kind.as_str().to_owned(),
            media_type: record.media_type.clone(),
            bytes: record.bytes,
            url: record.url.clone(),
        }
    }
}

/// A tool that the model called.
#[derive(Debug, Object)]
#[oai(rename = "ToolCall")]
struct ToolCallView {
    /// By which its result is known.
    id: String,
    /// The tool's name.
    name: String,
    /// What it was called with: JSON, as a text.
    arguments: String,
}

impl From<&ToolCall> for ToolCallView {
    fn from(call: &ToolCall) -> Self {
        let ToolCall { id, name, arguments } = call.clone();
        Self { id, name, arguments }
    }
}

/// A message of a conversation.
#[derive(Debug, Object)]
#[oai(rename = "Message")]
struct MessageView {
    /// Its place in the session: later messages have higher numbers. There are gaps.
    seq: i64,
    /// Who said it: `system`, `user`, `assistant` or `tool`.
    role: String,
    /// What was said; of `tool`, what the tool answered.
    content: String,
    /// The tools that the model called; only where it did.
    #[oai(skip_serializing_if_is_none)]
    tool_calls: Option<Vec<ToolCallView>>,
    /// The call that this is the result of; only of `tool`.
    #[oai(skip_serializing_if_is_none)]
    tool_call_id: Option<String>,
    /// What was beside the text.
    attachments: Vec<AttachmentView>,
    /// The turn that it was said in: a question and its answer share one.
    turn_id: Uuid,
    /// When it was said.
    created_at: Time,
}

impl From<StoredMessage> for MessageView {
    fn from(stored: StoredMessage) -> Self {
        let StoredMessage { seq, turn_id, message } = stored;
        Self {
            seq,
            role: message.role.as_str().to_owned(),
            content: message.text.to_string(),
            attachments: message.attachments.iter().map(AttachmentView::from).collect(),
            tool_calls: (!message.tool_calls.is_empty())
                .then(|| message.tool_calls.iter().map(ToolCallView::from).collect()),
            tool_call_id: message.tool_call_id.clone(),
            turn_id: *turn_id.as_uuid(),
            created_at: message.created_at.into(),
        }
    }
}

/// A page of a conversation.
#[derive(Debug, Object)]
struct MessageList {
    /// In the order in which they were said. The first page has the newest ones.
    items: Vec<MessageView>,
    /// Leads to the messages before these; null where there are none.
    #[oai(nullable)]
    next_cursor: Option<String>,
}

/// What was said in conversations.
#[derive(Debug)]
pub(super) struct Messages {
    engine: Engine,
}

impl Messages {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

#[OpenApi(prefix_path = "/api/v1", tag = "Group::Sessions")]
impl Messages {
    /// Show what was said in a session
    ///
    /// Since it was opened or cleared, with the tools that were called and what they answered; commands and what they
    /// answered are no part of it. The first page holds the
    /// newest messages, the oldest of them first, and its cursor leads to older ones. Another team's session is 403
    /// whether or not it exists: its id says whose it is.
    #[oai(path = "/session/:session_id/messages", method = "get", operation_id = "list_session_messages")]
    async fn list(
        &self,
        caller: Caller,
        /// The session's id, percent-encoded.
        session_id: Path<String>,
        /// Most entries, 1 to 200.
        #[oai(default)]
        limit: Query<PageLimit>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<Cursor<i64>>>,
    ) -> Result<Json<MessageList>, Refusal<MessagesRefused>> {
        let key = accessible(&self.engine, &session_id, &caller.0)?;
        let page = MessagePage { before: cursor.map(|Cursor(before)| before), limit: limit.with_one_more() };
        let mut messages = self.engine.sessions().messages(&key, page).await?;
        let next_cursor = cursor::page(&mut messages, limit.entries(), |last| last.seq);
        let items = messages.into_iter().rev().map(MessageView::from).collect();
        Ok(Json(MessageList { items, next_cursor }))
    }
}
