//! The pace of a bot: who may send when, so that Telegram has no reason to refuse.
//!
//! Telegram lets a bot send about one message a second to a chat, 20 a minute to a group and 30 a second in all; edits and
//! chat actions count too. What it refuses all the same (429) it wants to hear again after exactly the time that it tells,
//! and whoever asks earlier waits longer.

mod pace;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use teloxide::types::ChatId;
use tokio::time::{Instant, sleep_until};

use pace::{Pace, Rate};

/// One a second, some at once after a rest.
const PRIVATE: Rate = Rate { interval: Duration::from_secs(1), burst: 3 };
/// With its burst never more than 20 in any minute.
const GROUP: Rate = Rate { interval: Duration::from_millis(3_750), burst: 4 };
/// Never more than 30 in any second, also where what is sent evenly comes unevenly.
const BOT: Rate = Rate { interval: Duration::from_millis(40), burst: 1 };
/// Two chats refused within this time mean that the bot as a whole is too quick.
const SUSPICIOUS: Duration = Duration::from_secs(1);
/// From so many chats on, those that rest are forgotten.
const MANY_CHATS: usize = 1_024;

/// How much something matters that may be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// A step of an answer that is being written: dropped when the budget is short, for a newer one comes.
    Preview,
    /// The chat action, which goes when there is nothing better.
    Typing,
}

/// The pace of one bot.
#[derive(Debug)]
pub(crate) struct Governor {
    state: Mutex<State>,
    /// How many wait for the bot to send what ends an answer, and how many to send what begins one.
    ends: AtomicUsize,
    beginnings: AtomicUsize,
    /// Whose turn it is to end, and to begin.
    next_end: Turn,
    next_beginning: Turn,
}

/// Held by whoever is next; the others come after in their order.
type Turn = tokio::sync::Mutex<()>;

/// One who waits. Giving up counts as well.
struct Count<'a>(&'a AtomicUsize);

impl<'a> Count<'a> {
    fn of(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Count<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct State {
    bot: Pace,
    chats: HashMap<ChatId, Chat>,
    /// From so many chats on, look for some to forget.
    crowded: usize,
    /// Who was refused last, when, and until when.
    refused: Option<(ChatId, Instant, Instant)>,
}

#[derive(Debug)]
struct Chat {
    pace: Pace,
    /// Whose turn it is in this chat.
    next: Arc<Turn>,
}

/// Why something cannot go now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// The chat has no place.
    Chat,
    /// The bot has none before this.
    Bot(Instant),
}

impl Governor {
    pub(crate) fn new() -> Self {
        let bot = Pace::new(BOT, Instant::now());
        Self {
            state: Mutex::new(State { bot, chats: HashMap::new(), crowded: MANY_CHATS, refused: None }),
            ends: AtomicUsize::new(0),
            beginnings: AtomicUsize::new(0),
            next_end: Turn::default(),
            next_beginning: Turn::default(),
        }
    }

    /// Waits until what ends an answer may go to `chat`. First come, first served, and before all that begins one.
    pub(crate) async fn wait(&self, chat: ChatId) {
        let next = self.next_in(chat);
        let _first = next.lock().await;
        loop {
            self.wait_for_chat(chat).await;
            let _waiting = Count::of(&self.ends);
            let _next = self.next_end.lock().await;
            if self.take(chat, || true).await {
                return;
            }
        }
    }

    /// Waits until what begins an answer may go to `chat`: when nothing waits that ends one. Else, of many who ask at
    /// once, all would see that they are going to be answered before anybody is.
    pub(crate) async fn wait_to_begin(&self, chat: ChatId) {
        loop {
            {
                // What ends an answer does not wait for what waits for all ends.
                let next = self.next_in(chat);
                let _first = next.lock().await;
                self.wait_for_chat(chat).await;
            }
            let _waiting = Count::of(&self.beginnings);
            let _next = self.next_beginning.lock().await;
            if self.take(chat, || self.ends.load(Ordering::Relaxed) == 0).await {
                return;
            }
        }
    }

    /// Waits until the chat by itself allows another message.
    async fn wait_for_chat(&self, chat: ChatId) {
        loop {
            let (at, now) = self.with(|state, now| (state.chat(chat, now).pace.next(0, now), now));
            if at <= now {
                return;
            }
            sleep_until(at).await;
        }
    }

    /// Takes a place of the chat's and one of the bot's, both at once, as soon as the bot has one and `may_go`; gives up
    /// when the chat has none any more. A place that was taken before its time comes would go together with others.
    async fn take(&self, chat: ChatId, may_go: impl Fn() -> bool) -> bool {
        loop {
            match self.with(|state, now| state.take(chat, may_go(), now)) {
                Ok(()) => return true,
                Err(Wait::Chat) => return false,
                Err(Wait::Bot(at)) => sleep_until(at).await,
            }
        }
    }

    fn next_in(&self, chat: ChatId) -> Arc<Turn> {
        self.with(|state, now| Arc::clone(&state.chat(chat, now).next))
    }

    /// Whether something that may be dropped goes to `chat` now.
    pub(crate) fn lets(&self, chat: ChatId, urgency: Urgency) -> bool {
        let kept = match urgency {
            Urgency::Preview => 1,
            Urgency::Typing => 2,
        };
        let is_calm = self.beginnings.load(Ordering::Relaxed) == 0 && self.ends.load(Ordering::Relaxed) == 0;
        is_calm && self.with(|state, now| state.take_now(chat, kept, now))
    }

    /// Telegram wants to hear nothing for `chat` before `retry_after` is over.
    pub(crate) fn refused(&self, chat: ChatId, retry_after: Duration) {
        self.with(|state, now| state.refuse(chat, retry_after, now));
    }

    fn with<R>(&self, act: impl FnOnce(&mut State, Instant) -> R) -> R {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut state, Instant::now())
    }
}

impl State {
    fn chat(&mut self, chat: ChatId, now: Instant) -> &mut Chat {
        if self.chats.len() >= self.crowded {
            self.chats.retain(|_, chat| !chat.is_rested(now));
            self.crowded = (2 * self.chats.len()).max(MANY_CHATS);
        }
        // Groups, supergroups and channels have ids below zero.
        let rate = if chat.0 < 0 { GROUP } else { PRIVATE };
        self.chats.entry(chat).or_insert_with(|| Chat { pace: Pace::new(rate, now), next: Arc::default() })
    }

    /// Takes a place of the chat's and one of the bot's, or none.
    fn take(&mut self, chat: ChatId, may_go: bool, now: Instant) -> Result<(), Wait> {
        if !self.chat(chat, now).pace.is_free(0, now) {
            return Err(Wait::Chat);
        }
        let at = self.bot.next(0, now);
        if !may_go {
            return Err(Wait::Bot(at.max(now + BOT.interval)));
        }
        if at > now {
            return Err(Wait::Bot(at));
        }
        self.bot.take(now);
        self.chat(chat, now).pace.take(now);
        Ok(())
    }

    fn take_now(&mut self, chat: ChatId, kept: u32, now: Instant) -> bool {
        let is_free = self.chat(chat, now).pace.is_free(kept, now);
        is_free && self.take(chat, true, now).is_ok()
    }

    fn refuse(&mut self, chat: ChatId, retry_after: Duration, now: Instant) {
        let until = now + retry_after;
        self.chat(chat, now).pace.hold(until);
        if let Some((other, at, others)) = self.refused
            && other != chat
            && now.saturating_duration_since(at) <= SUSPICIOUS
        {
            self.bot.hold(until.max(others));
        }
        self.refused = Some((chat, now, until));
    }
}

impl Chat {
    /// Whether nothing is lost when it is forgotten.
    fn is_rested(&self, now: Instant) -> bool {
        self.pace.is_rested(now) && Arc::strong_count(&self.next) == 1
    }
}

#[cfg(test)]
mod tests;
