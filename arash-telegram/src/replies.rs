//! What the host says to its own commands: one reply of a kind at a time to each person in a chat or topic. Commands do not wait for the lane and
//! count for no limit, and each of their replies takes a place in the pace of the chat: whoever sends many would hold up all
//! others.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::incoming::{HostCommand, Lane};

/// The replies that wait to be sent.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    waiting: Mutex<HashSet<Of>>,
}

/// Where something is said, to whom, and in reply to what: a command, or the press of an old button.
type Of = (Lane, i64, Option<HostCommand>);

/// A reply on its way. As long as this lives, there is no other like it.
pub(crate) struct Reply<'a> {
    replies: &'a Replies,
    of: Of,
}

impl Replies {
    /// The right to reply to what this person does; nothing while a reply to the same waits, which is as good.
    pub(crate) fn begin(&self, lane: Lane, user: i64, command: Option<HostCommand>) -> Option<Reply<'_>> {
        let of = (lane, user, command);
        // Not made where it is not given: whoever drops it ends the waiting.
        self.with(|waiting| waiting.insert(of)).then(|| Reply { replies: self, of })
    }

    fn with<R>(&self, act: impl FnOnce(&mut HashSet<Of>) -> R) -> R {
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
    fn of_what_one_person_does_one_reply_waits_and_others_are_not_left_out() {
        let (replies, group, ann, boris) = (Replies::default(), Lane::of_chat(-1), 1, 2);
        let topic = Lane::parse("-1:7").unwrap();
        let stop = Some(HostCommand::Stop);
        let first = replies.begin(group, ann, stop);
        assert!(first.is_some());
        for _ in 0..3 {
            assert!(replies.begin(group, ann, stop).is_none());
        }
        let others =
            [(group, ann, Some(HostCommand::Stats)), (group, ann, None), (group, boris, stop), (topic, ann, stop)];
        for (lane, user, command) in others {
            assert!(replies.begin(lane, user, command).is_some(), "{user} in {lane}: {command:?}");
        }
        drop(first);
        assert!(replies.begin(group, ann, stop).is_some());
    }
}
