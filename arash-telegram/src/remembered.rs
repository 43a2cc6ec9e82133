//! What this program remembers of the newest question of each chat, to ask it again and not to quote its answer.

use std::sync::Arc;
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use teloxide::types::{ChatId, MessageId};

use crate::incoming::{Ask, Lane};

/// Most bytes of questions that are remembered: some are a hundred times as long as others.
const MOST_QUESTION_BYTES: u64 = 32 << 20;
/// Most chats whose newest answer is known.
const MOST_ANSWERS: u64 = 10_000;
/// For how long.
const TIME: Duration = Duration::from_hours(24);

/// The newest questions and the messages of their answers. A restart forgets both, which is no more than an
/// inconvenience.
pub(crate) struct Remembered {
    questions: Cache<Lane, Arc<Ask>>,
    answers: Cache<Lane, Arc<[MessageId]>>,
}

impl Remembered {
    pub(crate) fn new() -> Self {
        let questions = Cache::builder()
            .max_capacity(MOST_QUESTION_BYTES)
            .weigher(|_, ask: &Arc<Ask>| u32::try_from(ask.bytes()).unwrap_or(u32::MAX));
        // Whatever is newest is kept, however seldom something was asked there before.
        let questions = questions.eviction_policy(EvictionPolicy::lru()).time_to_idle(TIME).build();
        let answers = Cache::builder().max_capacity(MOST_ANSWERS).time_to_idle(TIME).build();
        Self { questions, answers }
    }

    /// This is asked now.
    pub(crate) fn ask(&self, lane: Lane, ask: Ask) {
        self.questions.insert(lane, Arc::new(ask));
    }

    /// The lanes of a chat in which somebody asked.
    pub(crate) fn lanes_of(&self, chat: ChatId) -> Vec<Lane> {
        self.questions.iter().map(|(lane, _)| *lane).filter(|lane| lane.chat == chat).collect()
    }

    /// What was asked last in `old` was asked in `new`, where the messages of its answer are not.
    pub(crate) fn move_to(&self, old: Lane, new: Lane) {
        let question = self.questions.remove(&old);
        self.answers.invalidate(&old);
        if let Some(ask) = question.filter(|_| !self.questions.contains_key(&new)) {
            self.questions.insert(new, ask);
        }
    }

    /// The conversation is over.
    pub(crate) fn forget(&self, lane: Lane) {
        self.questions.invalidate(&lane);
        self.answers.invalidate(&lane);
    }

    /// What was asked last.
    pub(crate) fn question(&self, lane: Lane) -> Option<Arc<Ask>> {
        self.questions.get(&lane)
    }

    /// These messages are the newest answer.
    pub(crate) fn answered(&self, lane: Lane, messages: &[i32]) {
        self.answers.insert(lane, messages.iter().copied().map(MessageId).collect());
    }

    /// The messages of the newest answer.
    pub(crate) fn answer(&self, lane: Lane) -> Arc<[MessageId]> {
        self.answers.get(&lane).unwrap_or_default()
    }
}
