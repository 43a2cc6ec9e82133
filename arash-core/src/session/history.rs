use std::collections::VecDeque;
use std::sync::Arc;

use crate::message::Message;

/// What one message costs beside its text: the message, its shared pointer and its place in the queue.
const MESSAGE_OVERHEAD: usize = size_of::<Message>() + 5 * size_of::<usize>();

/// The newest messages of a conversation, oldest first: as many as may be sent upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    messages: VecDeque<Arc<Message>>,
    bytes: usize,
}

impl History {
    /// The history of these messages, oldest first.
    pub fn new(messages: impl IntoIterator<Item = Message>) -> Self {
        let mut history = Self::default();
        for message in messages {
            history.push(Arc::new(message), usize::MAX);
        }
        history
    }

    /// Adds a message and forgets the oldest ones beyond `limit`.
    pub fn push(&mut self, message: Arc<Message>, limit: usize) {
        self.bytes += weight(&message);
        self.messages.push_back(message);
        self.trim(limit);
    }

    /// Forgets the oldest messages beyond `limit`.
    pub fn trim(&mut self, limit: usize) {
        while self.messages.len() > limit {
            if let Some(oldest) = self.messages.pop_front() {
                self.bytes -= weight(&oldest);
            }
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The messages, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Message>> {
        self.messages.iter()
    }

    /// How many messages.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// About how much memory the messages take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

fn weight(message: &Message) -> usize {
    let attachments = message
        .attachments
        .iter()
        .map(|a| size_of_val(a) + a.media_type.as_ref().map_or(0, String::len) + a.url.as_ref().map_or(0, String::len));
    let calls = message
        .tool_calls
        .iter()
        .map(|call| size_of_val(call) + call.id.len() + call.name.len() + call.arguments.len())
        .chain(message.tool_call_id.as_ref().map(String::len));
    message.text.len() + MESSAGE_OVERHEAD + attachments.sum::<usize>() + calls.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::message::Role;
    use proptest::prelude::*;

    fn message(number: usize) -> Arc<Message> {
        Arc::new(Message::new(Role::User, number.to_string(), Timestamp::default()))
    }

    proptest! {
        #[test]
        fn the_window_holds_the_newest_in_order(count in 0_usize..60, limit in 1_usize..20) {
            let mut history = History::default();
            for number in 0..count {
                history.push(message(number), limit);
            }
            let kept: Vec<_> = history.iter().map(|m| m.text.to_string()).collect();
            let expected: Vec<_> = (count.saturating_sub(limit)..count).map(|n| n.to_string()).collect();
            prop_assert_eq!(kept, expected);
            prop_assert_eq!(history.bytes(), history.iter().map(|m| weight(m)).sum::<usize>());
        }
    }
}
