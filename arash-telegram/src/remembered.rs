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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incoming::{BotInfo, Incoming};

    fn ask(text: &str) -> Ask {
        let chat = r#"{"id":1,"first_name":"Ann","type":"private"}"#;
        let from = r#"{"id":1,"is_bot":false,"first_name":"Ann"}"#;
        let message = format!(r#"{{"message_id":1,"date":1,"chat":{chat},"from":{from},"text":"Hello"}}"#);
        let bot = BotInfo {
            id: 7,
            username: "bot".to_owned(),
            can_read_all_group_messages: false,
            commands: Vec::new(),
            max_image_bytes: 0,
        };
        match Incoming::parse(&format!(r#"{{"update_id":1,"message":{message}}}"#), &bot) {
            Incoming::Ask(mut ask) => {
                text.clone_into(&mut ask.text);
                *ask
            }
            other => unreachable!("{other:?}"),
        }
    }

    fn kept(text: &str, count: i64) -> (usize, u64) {
        let remembered = Remembered::new();
        for chat in 0..count {
            remembered.ask(Lane::of_chat(chat), ask(text));
            remembered.questions.run_pending_tasks();
            assert!(remembered.question(Lane::of_chat(chat)).is_some(), "the newest is there");
        }
        let found = (0..count).filter(|&chat| remembered.question(Lane::of_chat(chat)).is_some()).count();
        (found, remembered.questions.weighted_size())
    }

    #[test]
    fn many_questions_are_remembered_and_only_some_that_are_very_long() {
        assert_eq!(kept("Hello", 10_000).0, 10_000);
        let (found, bytes) = kept(&"x".repeat(390 << 10), 200);
        assert!((60..100).contains(&found) && bytes <= MOST_QUESTION_BYTES, "{found} of {bytes} bytes");
    }
}
