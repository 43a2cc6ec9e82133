use std::fmt;

use teloxide::types::{ChatId, Message, MessageId, ThreadId};

/// What is answered in order: a chat, or a topic of it. Its text is the chat of its session: `{chat}` or
/// `{chat}:{thread}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Lane {
    /// The chat; groups have negative numbers.
    pub(crate) chat: ChatId,
    /// The topic; none in General and where there are no topics.
    pub(crate) thread: Option<ThreadId>,
}

impl Lane {
    /// A chat without topics, or General.
    pub(crate) const fn of_chat(chat: i64) -> Self {
        Self { chat: ChatId(chat), thread: None }
    }

    /// Where a message is.
    pub(super) fn of(message: &Message) -> Self {
        // Replies in General and comments have a thread too, which is no topic.
        let thread = message.thread_id.filter(|_| message.is_topic_message);
        Self { chat: message.chat.id, thread }
    }

    /// The lane of a session's chat.
    pub(crate) fn parse(chat: &str) -> Option<Self> {
        let (chat, thread) = match chat.split_once(':') {
            Some((chat, thread)) => (chat, Some(ThreadId(MessageId(thread.parse().ok()?)))),
            None => (chat, None),
        };
        Some(Self { chat: ChatId(chat.parse().ok()?), thread })
    }

    /// Whether many may write there.
    pub(crate) const fn is_group(self) -> bool {
        self.chat.0 < 0
    }

    /// Whether a message is the one that its topic began with.
    pub(super) fn begins_with(self, message: MessageId) -> bool {
        self.thread == Some(ThreadId(message))
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.thread {
            Some(thread) => write!(f, "{}:{thread}", self.chat),
            None => write!(f, "{}", self.chat),
        }
    }
}
