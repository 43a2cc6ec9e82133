//! What the host says to its own commands: one reply of a kind at a time in each chat. Commands do not wait for the lane and
//! count for no limit, and each of their replies takes a place in the pace of the chat: whoever sends many would hold up all
//! others.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use teloxide::types::ChatId;

use crate::incoming::HostCommand;

/// The replies that wait to be sent.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    waiting: Mutex<HashSet<(ChatId, HostCommand)>>,
}

/// A reply on its way. As long as this lives, there is no other of its kind in its chat.
pub(crate) struct Reply<'a> {
    replies: &'a Replies,
    of: (ChatId, HostCommand),
}

impl Replies {
    /// The right to reply to a command; nothing while a reply to an equal one waits, which is as good.
    pub(crate) fn begin(&self, chat: ChatId, command: HostCommand) -> Option<Reply<'_>> {
        let of = (chat, command);
        // Not made where it is not given: whoever drops it ends the waiting.
        self.with(|waiting| waiting.insert(of)).then(|| Reply { replies: self, of })
    }

    fn with<R>(&self, act: impl FnOnce(&mut HashSet<(ChatId, HostCommand)>) -> R) -> R {
        act(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Reply<'_> {
    fn drop(&mut self) {
        self.replies.with(|waiting| waiting.remove(&self.of));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_kind_one_waits_in_each_chat() {
        let (replies, ann, boris) = (Replies::default(), ChatId(1), ChatId(2));
        let first = replies.begin(ann, HostCommand::Stop);
        assert!(first.is_some());
        for _ in 0..3 {
            assert!(replies.begin(ann, HostCommand::Stop).is_none());
        }
        assert!(replies.begin(ann, HostCommand::Stats).is_some() && replies.begin(boris, HostCommand::Stop).is_some());
        drop(first);
        assert!(replies.begin(ann, HostCommand::Stop).is_some());
    }
}
