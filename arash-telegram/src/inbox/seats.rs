use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use arash_core::id::UpdateId;
use teloxide::types::ChatId;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::LEASE;

/// Most updates of one chat that wait in memory for their turn. More wait in storage, so that no chat takes the places of all
/// others.
const MOST: usize = 250;
/// So few wait when more are fetched.
const FEW: usize = MOST / 2;
/// After this time an update that was set aside is somebody else's: it would have been claimed again by then.
const LOST: std::time::Duration = LEASE.saturating_mul(3);

/// Who of each chat waits in memory, and who was set aside.
#[derive(Debug, Default)]
pub(super) struct Seats {
    chats: Mutex<HashMap<ChatId, Chat>>,
    /// In some chat few wait, and others were set aside.
    freed: Notify,
}

#[derive(Debug, Default)]
struct Chat {
    taken: usize,
    /// What waits in storage, and since when it was set aside. Its lease runs out from then on.
    aside: BTreeMap<UpdateId, Instant>,
}

/// An update's place among those of its chat, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    chat: ChatId,
}

impl Seats {
    /// A seat for an update; nothing if there is none, or something of its chat was set aside that comes before it: then it
    /// is set aside, too.
    pub(super) fn take(self: &Arc<Self>, chat: ChatId, id: UpdateId) -> Option<Seat> {
        let now = Instant::now();
        self.with(|chats| {
            let of_chat = chats.entry(chat).or_default();
            let is_first = of_chat.aside.first_key_value().is_none_or(|(first, _)| id <= *first);
            if of_chat.taken >= MOST || !is_first {
                of_chat.aside.insert(id, now);
                return None;
            }
            of_chat.aside.remove(&id);
            of_chat.taken += 1;
            Some(Seat { seats: Arc::clone(self), chat })
        })
    }

    /// Waits until there is room for what was set aside.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }

    /// What was set aside and may come back: of each chat as much as it has room for, as long as it is surely nobody else's.
    pub(super) fn returning(&self) -> Vec<UpdateId> {
        let now = Instant::now();
        self.with(|chats| {
            let mut returning = Vec::new();
            chats.retain(|_, chat| {
                if chat.taken <= FEW {
                    let leased = chat.aside.iter().filter(|(_, since)| now.duration_since(**since) < LEASE / 2);
                    returning.extend(leased.map(|(id, _)| *id).take(MOST - chat.taken));
                }
                !chat.is_empty()
            });
            returning
        })
    }

    /// All that waits and nobody has was just claimed: what was set aside long before and is not back is somebody else's.
    pub(super) fn forget_lost(&self) {
        let now = Instant::now();
        self.with(|chats| {
            chats.retain(|_, chat| {
                chat.aside.retain(|_, since| now.duration_since(*since) <= LOST);
                !chat.is_empty()
            });
        });
    }

    /// How many are set aside.
    pub(super) fn aside(&self) -> usize {
        self.with(|chats| chats.values().map(|chat| chat.aside.len()).sum())
    }

    fn with<R>(&self, act: impl FnOnce(&mut HashMap<ChatId, Chat>) -> R) -> R {
        act(&mut self.chats.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Chat {
    fn is_empty(&self) -> bool {
        self.taken == 0 && self.aside.is_empty()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.with(|chats| {
            let Some(chat) = chats.get_mut(&self.chat) else { return };
            chat.taken -= 1;
            if chat.taken == FEW && !chat.aside.is_empty() {
                self.seats.freed.notify_one();
            }
            if chat.is_empty() {
                chats.remove(&self.chat);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const ANN: ChatId = ChatId(1);

    fn ids(ids: impl IntoIterator<Item = i64>) -> Vec<UpdateId> {
        ids.into_iter().map(UpdateId).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_overtakes_what_was_set_aside() {
        let seats = Arc::new(Seats::default());
        let mut taken: Vec<_> = (0..MOST as i64 + 9).map(|id| seats.take(ANN, UpdateId(id))).collect();
        assert_eq!(taken.iter().flatten().count(), MOST);
        assert!(seats.take(ChatId(2), UpdateId(1_000)).is_some(), "chats do not wait for each other");
        assert_eq!(seats.returning(), ids([]));
        taken.truncate(FEW);
        tokio::time::timeout(LEASE, seats.freed()).await.unwrap();
        assert!(seats.take(ANN, UpdateId(2_000)).is_none());
        let aside: Vec<_> = (MOST as i64..MOST as i64 + 9).collect();
        assert_eq!(seats.returning(), ids(aside.iter().copied().chain([2_000])));
        let back: Vec<_> = aside.iter().filter_map(|id| seats.take(ANN, UpdateId(*id))).collect();
        assert_eq!(back.len(), 9);
        assert!(seats.take(ANN, UpdateId(2_001)).is_none() && seats.take(ANN, UpdateId(2_000)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn what_somebody_else_has_taken_up_is_not_waited_for() {
        let seats = Arc::new(Seats::default());
        let taken: Vec<_> = (0..=MOST as i64).filter_map(|id| seats.take(ANN, UpdateId(id))).collect();
        drop(taken);
        sleep(LEASE).await;
        assert_eq!(seats.returning(), ids([]), "its lease may have run out, and is not taken from others");
        assert!(seats.take(ANN, UpdateId(1_000)).is_none(), "it may still come");
        sleep(LEASE * 4).await;
        assert_eq!(seats.aside(), 2);
        assert!(seats.take(ANN, UpdateId(1_001)).is_none(), "storage may have been away");
        seats.forget_lost();
        assert!(seats.take(ANN, UpdateId(1_002)).is_none(), "the one before it was set aside just now");
        assert!(seats.take(ANN, UpdateId(1_001)).is_some() && seats.take(ANN, UpdateId(1_002)).is_some());
        assert_eq!(seats.with(|chats| chats.len()), 0, "nothing is left behind");
    }
}
