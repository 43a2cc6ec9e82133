//! The updates that wait to be fetched or delivered.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};

use super::allowed::Allowed;
use super::webhook::Webhook;
use crate::clock::Timestamp;

/// For how long an update is kept.
const KEPT: Duration = Duration::from_secs(24 * 3600);
const FIRST_ID: i64 = 730_000_000;

/// An update that nobody has confirmed.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) id: i64,
    pub(super) body: Value,
    pub(super) chat_id: i64,
    pub(super) since: Timestamp,
    /// Whether the webhook is being told it now.
    pub(super) is_under_way: bool,
    /// When the webhook is told it next, and how often that failed.
    pub(super) due: Timestamp,
    pub(super) failures: u32,
    /// How often it is told once more although it succeeded.
    pub(super) repeats: usize,
}

/// The queue, who reads it, and what is wanted.
#[derive(Debug)]
pub(crate) struct Updates {
    pub(super) queue: VecDeque<Pending>,
    pub(super) next_id: i64,
    pub(super) allowed: Allowed,
    /// The number of the poll that waits; an older one is ended.
    pub(super) poll: u64,
    pub(super) webhook: Option<Webhook>,
    pub(super) webhook_set: Option<Timestamp>,
    /// How often each new update is told once more.
    pub(crate) repeats: usize,
}

impl Default for Updates {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            next_id: FIRST_ID,
            allowed: Allowed::default(),
            poll: 0,
            webhook: None,
            webhook_set: None,
            repeats: 0,
        }
    }
}

impl Updates {
    /// Adds an update of this kind, if the bot wants it.
    pub(crate) fn push(&mut self, now: Timestamp, kind: &str, chat_id: i64, what: impl Into<Value>) {
        if self.allowed.allows(kind) {
            self.push_as_made(now, chat_id, |id| json!({ "update_id": id, kind: what.into() }));
        }
    }

    /// Adds an update that is whatever `make` makes of the next number.
    pub(crate) fn push_as_made(&mut self, now: Timestamp, chat_id: i64, make: impl FnOnce(i64) -> Value) {
        let id = self.next_id;
        self.next_id += 1;
        self.queue.push_back(Pending {
            id,
            body: make(id),
            chat_id,
            since: now,
            is_under_way: false,
            due: now,
            failures: 0,
            repeats: self.repeats,
        });
    }

    /// How many wait. What is too old goes.
    pub(super) fn expire(&mut self, now: Timestamp) -> usize {
        self.queue.retain(|pending| now.since(pending.since) < KEPT);
        self.queue.len()
    }

    /// How many nobody has confirmed.
    pub(crate) fn pending(&self, now: Timestamp) -> usize {
        self.queue.iter().filter(|pending| now.since(pending.since) < KEPT).count()
    }

    /// From which offset on updates are told: those before it are confirmed and go.
    pub(super) fn confirm(&mut self, now: Timestamp, offset: i64) {
        self.expire(now);
        if offset < 0 {
            let kept = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            let gone = self.queue.len().saturating_sub(kept);
            self.queue.drain(..gone);
        // An offset from nowhere confirms nothing.
        } else if offset <= self.next_id + 10 {
            self.queue.retain(|pending| pending.id >= offset);
        }
    }

    pub(super) fn first(&self, limit: usize) -> Vec<Value> {
        self.queue.iter().take(limit).map(|pending| pending.body.clone()).collect()
    }
}
