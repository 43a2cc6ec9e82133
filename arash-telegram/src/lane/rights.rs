use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use teloxide::types::ChatId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most questions that are answered at once. At Telegram's pace that is more than a minute of answers; the others wait as
/// they came, which takes little memory.
const MOST: usize = 1_000;
/// Most of them in one chat, which may have very many topics, and may be held back for hours.
const MOST_IN_CHAT: usize = 8;
/// From so many chats on, those that nobody answers in are forgotten.
const MANY_CHATS: usize = 1_024;

/// Who may answer: lanes in the order in which they ask, first those of their chat, then of all.
#[derive(Debug)]
pub(super) struct Rights {
    all: Arc<Semaphore>,
    chats: Mutex<HashMap<ChatId, Arc<Semaphore>>>,
}

/// The right to answer, as long as this lives.
#[derive(Debug)]
pub(super) struct Right {
    _of_chat: Option<OwnedSemaphorePermit>,
    _of_all: Option<OwnedSemaphorePermit>,
}

impl Rights {
    pub(super) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(MOST)), chats: Mutex::default() }
    }

    /// Waits for the right to answer in a chat.
    pub(super) async fn one(&self, chat: ChatId) -> Right {
        // Neither is ever closed.
        let of_chat = self.of(chat).acquire_owned().await.ok();
        Right { _of_chat: of_chat, _of_all: Arc::clone(&self.all).acquire_owned().await.ok() }
    }

    fn of(&self, chat: ChatId) -> Arc<Semaphore> {
        let mut chats = self.chats.lock().unwrap_or_else(PoisonError::into_inner);
        if chats.len() >= MANY_CHATS {
            // Whoever has a right or waits for one has a share in its semaphore.
            chats.retain(|_, rights| Arc::strong_count(rights) > 1);
        }
        Arc::clone(chats.entry(chat).or_insert_with(|| Arc::new(Semaphore::new(MOST_IN_CHAT))))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_chat_with_many_topics_leaves_rights_to_others() {
        let (rights, forum, other) = (Rights::new(), ChatId(-1), ChatId(1));
        let mut given: Vec<_> = (0..MOST_IN_CHAT).filter_map(|_| rights.one(forum).now_or_never()).collect();
        assert_eq!(given.len(), MOST_IN_CHAT);
        assert!(rights.one(forum).now_or_never().is_none());
        assert!(rights.one(other).now_or_never().is_some());
        given.pop();
        assert!(rights.one(forum).now_or_never().is_some());
    }

    #[tokio::test]
    async fn chats_that_rest_are_forgotten_and_others_not() {
        let rights = Rights::new();
        let busy: Vec<_> = (0..MOST_IN_CHAT).filter_map(|_| rights.one(ChatId(0)).now_or_never()).collect();
        for chat in 1..=2 * MANY_CHATS as i64 {
            drop(rights.one(ChatId(chat)).await);
        }
        assert!(rights.chats.lock().unwrap().len() <= MANY_CHATS);
        assert!(rights.one(ChatId(0)).now_or_never().is_none());
        drop(busy);
    }
}
