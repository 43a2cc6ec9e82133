//! Keyboards that change when a button is pressed: in each chat one change at a time, and of those that come in between only
//! the newest. Whoever presses again and again would else hold up all others in the chat.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use teloxide::types::ChatId;

use crate::bot::Bot;
use crate::incoming::{Lane, Shown};
use crate::outgoing::Content;

/// What a message with the keyboard of models is to become.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) lane: Lane,
    pub(crate) message_id: i32,
    pub(crate) page: usize,
    pub(crate) language: Option<String>,
    /// What it shows, where that is known.
    pub(crate) shown: Option<Shown>,
}

impl Change {
    /// Whether it has become that already.
    fn is_done(&self, content: &Content) -> bool {
        self.shown.as_ref().is_some_and(|shown| shown.text == content.text.text && shown.keyboard == content.keyboard)
    }
}

/// The changes on their way, and what comes after each.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    chats: Mutex<HashMap<ChatId, Option<Change>>>,
}

/// Somebody makes the changes of a chat, until there are none.
struct Making<'a> {
    changes: &'a Changes,
    chat: ChatId,
}

impl Changes {
    /// The right to make changes in a chat; nothing where somebody makes them, who makes this one after his.
    fn begin(&self, change: &Change) -> Option<Making<'_>> {
        let chat = change.lane.chat;
        self.with(|chats| {
            if let Some(next) = chats.get_mut(&chat) {
                *next = Some(change.clone());
                return None;
            }
            chats.insert(chat, None);
            Some(Making { changes: self, chat })
        })
    }

    fn with<R>(&self, act: impl FnOnce(&mut HashMap<ChatId, Option<Change>>) -> R) -> R {
        act(&mut self.chats.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Making<'_> {
    /// What came in the meantime; when there is nothing, whoever comes next begins anew.
    fn next(self) -> Option<(Self, Change)> {
        let next = self.changes.with(|chats| {
            let next = chats.get_mut(&self.chat).and_then(Option::take);
            // At once, so that nothing is left to somebody who has gone.
            if next.is_none() {
                chats.remove(&self.chat);
            }
            next
        });
        if let Some(change) = next {
            return Some((self, change));
        }
        // Somebody else may have begun by now.
        std::mem::forget(self);
        None
    }
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        self.changes.with(|chats| chats.remove(&self.chat));
    }
}

impl Bot {
    /// Makes a message show a page of the models, unless it does.
    pub(crate) async fn change_keyboard(&self, mut change: Change) {
        let Some(mut making) = self.changes.begin(&change) else { return };
        loop {
            let shown = self.show_models(&change).await;
            let Some((still, mut next)) = making.next() else { return };
            // When its button was pressed, the message did not look as it does now.
            if (next.lane, next.message_id) == (change.lane, change.message_id) {
                next.shown = shown;
            }
            (making, change) = (still, next);
        }
    }

    /// What the message shows then, if that is known.
    async fn show_models(&self, change: &Change) -> Option<Shown> {
        let content = self.model_keyboard(change.lane, change.page, change.language.as_deref()).await;
        if !change.is_done(&content)
            && let Err(error) = self.outgoing.edit(change.lane, change.message_id, &content).await
        {
            tracing::debug!(%error, "the keyboard of models cannot be shown");
            return None;
        }
        Some(Shown { text: content.text.text, keyboard: content.keyboard })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(chat: i64, page: usize) -> Change {
        Change { lane: Lane::of_chat(chat), message_id: 1, page, language: None, shown: None }
    }

    #[test]
    fn of_what_comes_during_a_change_the_newest_is_made() {
        let changes = Changes::default();
        let making = changes.begin(&change(1, 0)).unwrap();
        assert!(changes.begin(&change(1, 1)).is_none() && changes.begin(&change(1, 2)).is_none());
        assert!(changes.begin(&change(2, 0)).is_some(), "chats do not wait for each other");
        let (making, next) = making.next().unwrap();
        assert_eq!(next.page, 2);
        assert!(making.next().is_none());
        let broken = changes.begin(&change(1, 3)).unwrap();
        drop(broken);
        assert!(changes.begin(&change(1, 4)).is_some(), "also where one was broken off");
    }
}
