//! Flood control: how much a bot may send, and what happens to one that does not wait.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::people::ChatKind;
use crate::transport::Refusal;

/// One message a second in a chat, with so many at once.
const BURST: usize = 5;
const PER_MINUTE_IN_GROUPS: usize = 20;
const PER_SECOND: usize = 30;
/// How long a chat is held back that was written to too quickly, in seconds.
const CHAT_PAUSE: u64 = 3;

/// When something was sent lately, and until when nothing more may be.
#[derive(Debug, Default)]
struct Window {
    sent: VecDeque<Timestamp>,
    held: Option<(Timestamp, u64)>,
}

impl Window {
    /// How many were sent within the last `span`.
    fn count(&self, now: Timestamp, span: Duration) -> usize {
        self.sent.iter().rev().take_while(|at| now.since(**at) < span).count()
    }

    /// Whether it is held back. Whoever asks meanwhile has to wait anew.
    fn renewed(&mut self, now: Timestamp) -> Option<u64> {
        let (until, pause) = self.held?;
        if now >= until {
            self.held = None;
            return None;
        }
        Some(self.hold(now, pause))
    }

    fn hold(&mut self, now: Timestamp, pause: u64) -> u64 {
        self.held = Some((now.plus(Duration::from_secs(pause)), pause));
        pause
    }

    fn add(&mut self, now: Timestamp, count: usize) {
        self.sent.extend(std::iter::repeat_n(now, count));
        while self.sent.front().is_some_and(|at| now.since(*at) > Duration::from_secs(60)) {
            self.sent.pop_front();
        }
    }
}

/// What was sent lately.
#[derive(Debug)]
pub(crate) struct Flood {
    pub(crate) is_controlled: bool,
    chats: BTreeMap<i64, Window>,
    all: Window,
}

impl Default for Flood {
    fn default() -> Self {
        Self { is_controlled: true, chats: BTreeMap::new(), all: Window::default() }
    }
}

impl Flood {
    /// Counts so many messages that are sent to a chat, or an edit of one; or says how long to wait.
    pub(crate) fn send(&mut self, now: Timestamp, chat_id: i64, kind: ChatKind, count: usize) -> Result<(), Refusal> {
        if !self.is_controlled {
            return Ok(());
        }
        self.all(now, 0)?;
        let chat = self.chats.entry(chat_id).or_default();
        if let Some(pause) = chat.renewed(now) {
            return Err(Refusal::too_many_requests(pause));
        }
        let in_minute = chat.count(now, Duration::from_secs(60));
        if kind != ChatKind::Private && in_minute + count > PER_MINUTE_IN_GROUPS {
            let frees = chat.sent.iter().rev().nth(in_minute.saturating_sub(1));
            let wait = frees.map_or(60, |at| 60 - now.since(*at).as_secs().min(60)).max(1);
            return Err(Refusal::too_many_requests(chat.hold(now, wait)));
        }
        // One a second after a burst: never more than BURST + n within n seconds.
        let exceeds = (1..=60_u64).any(|seconds| {
            chat.count(now, Duration::from_secs(seconds)) + count > BURST.max(count) + seconds as usize - 1
        });
        if exceeds {
            return Err(Refusal::too_many_requests(chat.hold(now, CHAT_PAUSE)));
        }
        chat.add(now, count);
        self.all(now, count)
    }

    /// Counts what only the bound of the whole bot holds, as `typing` does.
    pub(crate) fn all(&mut self, now: Timestamp, count: usize) -> Result<(), Refusal> {
        if !self.is_controlled {
            return Ok(());
        }
        if let Some(pause) = self.all.renewed(now) {
            return Err(Refusal::too_many_requests(pause));
        }
        if self.all.count(now, Duration::from_secs(1)) + count > PER_SECOND {
            return Err(Refusal::too_many_requests(self.all.hold(now, CHAT_PAUSE)));
        }
        self.all.add(now, count);
        Ok(())
    }
}
