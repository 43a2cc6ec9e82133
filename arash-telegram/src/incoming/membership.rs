use teloxide::types::{ChatMember, ChatMemberKind, ChatMemberUpdated};

use super::author::Author;
use super::{Ignored, Incoming, Lane};

/// What the bot has become in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    /// The chat.
    pub(crate) lane: Lane,
    /// Who did it.
    pub(crate) user_id: i64,
    /// What it is now.
    pub(crate) standing: Standing,
}

/// What a bot is in a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The person does not want to hear from it.
    Blocked,
    /// The person began to speak with it, or does so again.
    Unblocked,
    /// It came into a group.
    Added,
    /// It is no longer in a group.
    Left,
    /// It is no longer in a group, and may not come back.
    Kicked,
}

pub(super) fn meaning(change: &ChatMemberUpdated) -> Incoming {
    if change.chat.is_channel() {
        return Incoming::Ignored(Ignored::Channel);
    }
    let lane = Lane::of_chat(change.chat.id.0);
    match standing(lane, &change.old_chat_member, &change.new_chat_member) {
        Some(standing) => Incoming::Membership(Membership { lane, user_id: Author::person(&change.from).id, standing }),
        None => Incoming::Ignored(Ignored::Rights),
    }
}

fn standing(lane: Lane, old: &ChatMember, new: &ChatMember) -> Option<Standing> {
    match (&new.kind, lane.is_group()) {
        (ChatMemberKind::Banned(_), false) => Some(Standing::Blocked),
        (_, false) => Some(Standing::Unblocked),
        (ChatMemberKind::Banned(_), true) => Some(Standing::Kicked),
        _ if !is_present(new) => Some(Standing::Left),
        _ => (!is_present(old)).then_some(Standing::Added),
    }
}

fn is_present(member: &ChatMember) -> bool {
    match &member.kind {
        ChatMemberKind::Left | ChatMemberKind::Banned(_) => false,
        ChatMemberKind::Restricted(restricted) => restricted.is_member,
        _ => true,
    }
}
