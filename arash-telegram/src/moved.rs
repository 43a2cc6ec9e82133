//! Groups that have become other chats while the program ran.

use std::time::Duration;

use moka::sync::Cache;
use teloxide::types::ChatId;

use crate::incoming::Lane;

/// Most groups that are remembered, and for how long. Later Telegram itself tells it again, by refusing what is sent.
const MOST: u64 = 10_000;
const TIME: Duration = Duration::from_hours(1);

/// Where groups have gone.
pub(crate) struct Moved {
    to: Cache<ChatId, ChatId>,
}

impl Default for Moved {
    fn default() -> Self {
        Self { to: Cache::builder().max_capacity(MOST).time_to_live(TIME).build() }
    }
}

impl Moved {
    /// This group is that chat now.
    pub(crate) fn note(&self, from: ChatId, to: ChatId) {
        self.to.insert(from, to);
    }

    /// Where a lane is now. A group that moves has no topics.
    pub(crate) fn place(&self, lane: Lane) -> Lane {
        self.to.get(&lane.chat).map_or(lane, |chat| Lane::of_chat(chat.0))
    }
}
