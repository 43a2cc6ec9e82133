//! The pace of a bot: who may send when, so that Telegram has no reason to refuse.
//!
//! Telegram lets a bot send about one message a second to a chat, 20 a minute to a group and 30 a second in all; edits and
//! chat actions count too. What it refuses all the same (429) it wants to hear again after exactly the time that it tells,
//! and whoever asks earlier waits longer.

mod pace;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
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
    /// Whose turn it is to begin.
    next_beginning: tokio::sync::Mutex<()>,
}

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
    chats: HashMap<ChatId, Pace>,
    /// From so many chats on, look for some to forget.
    crowded: usize,
    /// Who was refused last, when, and until when.
    refused: Option<(ChatId, Instant, Instant)>,
}

impl Governor {
    pub(crate) fn new() -> Self {
        let bot = Pace::new(BOT, Instant::now());
        Self {
            state: Mutex::new(State { bot, chats: HashMap::new(), crowded: MANY_CHATS, refused: None }),
            ends: AtomicUsize::new(0),
            beginnings: AtomicUsize::new(0),
            next_beginning: tokio::sync::Mutex::new(()),
        }
    }

    /// Waits until what ends an answer may go to `chat`. First come, first served, and before all that begins one.
    pub(crate) async fn wait(&self, chat: ChatId) {
        // Who was refused while it waited takes places anew after the hold: else all would go then at once.
        loop {
            self.wait_for_chat(chat).await;
            let _waiting = Count::of(&self.ends);
            sleep_until(self.with(|state, now| state.bot.take(now))).await;
            if !self.with(|state, now| state.is_held(chat, now)) {
                return;
            }
        }
    }

    /// Waits until what begins an answer may go to `chat`: when nothing waits that ends one. Else, of many who ask at
    /// once, all would see that they are going to be answered before anybody is.
    pub(crate) async fn wait_to_begin(&self, chat: ChatId) {
        self.wait_for_chat(chat).await;
        let _waiting = Count::of(&self.beginnings);
        // One at a time looks for a place; the others come after it, in their order.
        let _first = self.next_beginning.lock().await;
        while let Err(at) = self.with(|state, now| state.begin(chat, self.ends.load(Ordering::Relaxed) == 0, now)) {
            sleep_until(at).await;
        }
    }

    /// Waits until the chat by itself allows another message.
    async fn wait_for_chat(&self, chat: ChatId) {
        loop {
            sleep_until(self.with(|state, now| state.chat(chat, now).take(now))).await;
            if !self.with(|state, now| state.chat(chat, now).is_held(now)) {
                return;
            }
        }
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
    fn chat(&mut self, chat: ChatId, now: Instant) -> &mut Pace {
        if self.chats.len() >= self.crowded {
            self.chats.retain(|_, pace| !pace.is_rested(now));
            self.crowded = (2 * self.chats.len()).max(MANY_CHATS);
        }
        // Groups, supergroups and channels have ids below zero.
        let rate = if chat.0 < 0 { GROUP } else { PRIVATE };
        self.chats.entry(chat).or_insert_with(|| Pace::new(rate, now))
    }

    fn is_held(&mut self, chat: ChatId, now: Instant) -> bool {
        self.bot.is_held(now) || self.chat(chat, now).is_held(now)
    }

    /// Takes a place of the bot's now, or tells when to look again.
    fn begin(&mut self, chat: ChatId, is_alone: bool, now: Instant) -> Result<(), Instant> {
        let at = self.bot.next(0, now).max(self.chat(chat, now).held_until());
        if is_alone && at <= now {
            self.bot.take(now);
            return Ok(());
        }
        Err(at.max(now + BOT.interval))
    }

    fn take_now(&mut self, chat: ChatId, kept: u32, now: Instant) -> bool {
        let is_free = self.bot.is_free(0, now) && self.chat(chat, now).is_free(kept, now);
        if is_free {
            self.bot.take(now);
            self.chat(chat, now).take(now);
        }
        is_free
    }

    fn refuse(&mut self, chat: ChatId, retry_after: Duration, now: Instant) {
        let until = now + retry_after;
        self.chat(chat, now).hold(until);
        if let Some((other, at, others)) = self.refused
            && other != chat
            && now.saturating_duration_since(at) <= SUSPICIOUS
        {
            self.bot.hold(until.max(others));
        }
        self.refused = Some((chat, now, until));
    }
}

#[cfg(test)]
mod tests;
