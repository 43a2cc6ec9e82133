//! The way in: an update is stored before Telegram is told that it was taken, and stays stored until it is answered.

mod received;
mod refusals;
mod seats;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arash_core::Result;
use arash_core::id::{BotId, UpdateId};
use arash_core::inbox::{Inbox, InboxUpdate, MAX_IDS, MAX_UPDATES, NewUpdate};
use serde_json::value::RawValue;
use teloxide::types::ChatId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SetOnce};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use received::storable;
use refusals::{Asked, Refusals};
use seats::{Seat, Seats};

pub(crate) use received::number;

/// Most updates that are worked on or wait in memory. Beyond that Telegram keeps them.
const MAX_HELD: usize = 10_000;
/// For how long an update is this program's without another word: after a crash others wait so long for it.
const LEASE: Duration = Duration::from_secs(15);
/// How often the leases of what is held are renewed, and updates looked for that somebody left behind.
const RENEWAL: Duration = Duration::from_secs(4);
/// Between two attempts to write what has to be written.
const PAUSE: Duration = Duration::from_secs(1);

/// An update that was stored and is this program's to answer.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) id: UpdateId,
    /// As Telegram sent it.
    pub(crate) payload: Arc<str>,
    /// What an earlier holder noted.
    pub(crate) progress: Option<String>,
    /// Its place in memory, free again when this is dropped.
    _place: OwnedSemaphorePermit,
    /// Its place among those of its chat that wait.
    _seat: Option<Seat>,
}

/// The updates of one bot on their way from Telegram to their answers.
#[derive(Debug)]
pub(crate) struct Intake {
    inbox: Inbox,
    bot: BotId,
    places: Arc<Semaphore>,
    seats: Arc<Seats>,
    held: Mutex<BTreeSet<UpdateId>>,
    /// What an earlier program left behind was taken up.
    is_open: SetOnce<()>,
    refusals: Refusals,
}

impl Intake {
    pub(crate) fn new(inbox: Inbox, bot: BotId) -> Self {
        Self {
            inbox,
            bot,
            places: Arc::new(Semaphore::new(MAX_HELD)),
            seats: Arc::default(),
            held: Mutex::default(),
            is_open: SetOnce::new(),
            refusals: Refusals::default(),
        }
    }

    /// What storage refuses at present, in a sentence for an operator.
    pub(crate) fn fault(&self) -> Option<String> {
        self.refusals.sentence()
    }

    /// Whose updates these are.
    pub(crate) fn bot(&self) -> BotId {
        self.bot
    }

    /// Waits until what an earlier program left behind was taken up: what comes now is to be answered after it.
    pub(crate) async fn open(&self) {
        self.is_open.wait().await;
    }

    /// Waits until there is room for a whole batch of updates.
    pub(crate) async fn room(&self) {
        while self.places.available_permits() < MAX_UPDATES {
            sleep(PAUSE).await;
        }
    }

    /// Whether there is room for one more.
    pub(crate) fn has_room(&self) -> bool {
        self.places.available_permits() > 0
    }

    /// Stores updates as they came; gives those that are new. When this returns, Telegram may forget them all: what
    /// cannot be stored is left out.
    pub(crate) async fn store(&self, raw: &[Box<RawValue>]) -> Result<Vec<Held>> {
        let updates: Vec<NewUpdate> = raw.iter().filter_map(|raw| storable(raw)).collect();
        let received = self.inbox.receive(self.bot, &updates, LEASE).await;
        // Where there is nothing to be stored, nothing was found out.
        if !updates.is_empty() {
            self.refusals.note(Asked::Receive, received.is_ok());
        }
        let new = received?;
        let is_new = |update: &NewUpdate| new.binary_search(&update.id).is_ok();
        let fresh = updates.into_iter().filter(is_new);
        Ok(fresh.filter_map(|update| self.hold(update.id, update.payload, None)).collect())
    }

    /// Takes up what waits and nobody has: what a program left behind that ended.
    pub(crate) async fn claim(&self) -> Result<Vec<Held>> {
        let limit = self.places.available_permits().min(MAX_UPDATES);
        let limit = u32::try_from(limit).unwrap_or_default();
        if limit == 0 {
            return Ok(Vec::new());
        }
        let claimed = self.inbox.claim(self.bot, LEASE, limit).await?;
        let hold = |InboxUpdate { id, payload, progress, .. }| self.hold(id, payload.into(), progress);
        Ok(claimed.into_iter().filter_map(hold).collect())
    }

    fn hold(&self, id: UpdateId, payload: Arc<str>, progress: Option<String>) -> Option<Held> {
        // Without a place, or held already, it is claimed again when its lease has run out.
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        self.with(|held| held.insert(id)).then_some(Held { id, payload, progress, _place: place, _seat: None })
    }

    /// Gives an update that has to wait in its chat a seat there; nothing if too many wait: then it is left to storage, and
    /// comes back after them. What does not wait needs none.
    pub(crate) fn seat(&self, chat: ChatId, held: Held) -> Option<Held> {
        let seat = self.seats.take(chat, held.id);
        if seat.is_none() {
            self.forget(&[held.id]);
        }
        seat.map(|seat| Held { _seat: Some(seat), ..held })
    }

    /// Renews the leases of what is held, and hands on what others left behind, until `stop`.
    ///
    /// Leases of a program that was killed may still run, and what comes now may belong to the same chats: nothing is let
    /// in before those have run out and are taken up. Where others live and keep what they have, that is not waited for
    /// longer than a lease.
    pub(crate) async fn keep(&self, stop: CancellationToken, take: impl Fn(Held)) {
        let begun = Instant::now();
        while !stop.is_cancelled() {
            let is_late = begun.elapsed() >= LEASE;
            self.renew().await;
            self.bring_back().await;
            let is_all_taken = self.take_up(&take).await;
            if is_all_taken {
                self.seats.forget_lost();
            }
            let is_open = self.is_open.initialized();
            if !is_open && is_all_taken && (is_late || !self.others_have_some().await) {
                // Nobody else sets it.
                let _ = self.is_open.set(());
            }
            let pause = if is_open { RENEWAL } else { PAUSE };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.seats.freed() => {}
                () = sleep(pause) => {}
            }
        }
    }

    /// Leaves what was set aside, and has room now, to whoever claims next. Where that fails, its lease runs out by itself.
    async fn bring_back(&self) {
        for some in self.seats.returning().chunks(MAX_IDS) {
            if let Err(error) = self.inbox.release(self.bot, some).await {
                tracing::debug!(%error, "leases of updates cannot be ended; they run out by themselves");
            }
        }
    }

    /// Hands on all that waits and nobody has; whether that could be done.
    async fn take_up(&self, take: impl Fn(Held)) -> bool {
        let mut renewed = Instant::now();
        loop {
            if !self.has_room() {
                return false;
            }
            if renewed.elapsed() >= RENEWAL {
                self.renew().await;
                renewed = Instant::now();
            }
            let claimed = self.claim().await;
            self.refusals.note(Asked::Claim, claimed.is_ok());
            match claimed {
                Ok(claimed) if claimed.is_empty() => return true,
                Ok(claimed) => claimed.into_iter().for_each(&take),
                Err(error) => {
                    tracing::warn!(%error, "waiting updates cannot be claimed");
                    return false;
                }
            }
        }
    }

    /// Whether somebody else has updates that wait, or may have.
    async fn others_have_some(&self) -> bool {
        let waiting = self.inbox.waiting(self.bot).await;
        let own = self.with(|held| held.len()) + self.seats.aside();
        waiting.map_or(true, |waiting| waiting > own as u64)
    }

    /// Renews the leases of what is held, without end.
    pub(crate) async fn keep_only(&self) {
        loop {
            sleep(RENEWAL).await;
            self.renew().await;
        }
    }

    async fn renew(&self) {
        let held: Vec<UpdateId> = self.with(|held| held.iter().copied().collect());
        let mut is_done = true;
        for some in held.chunks(MAX_IDS) {
            if let Err(error) = self.inbox.renew(self.bot, some, LEASE).await {
                tracing::warn!(%error, "leases of updates cannot be renewed");
                is_done = false;
            }
        }
        self.refusals.note(Asked::Renew, is_done);
    }

    /// Notes how far the answer has come; a note that cannot be written is only missed after a crash.
    pub(crate) async fn note(&self, id: UpdateId, progress: &str) {
        if let Err(error) = self.inbox.note(self.bot, id, progress).await {
            tracing::warn!(%error, update_id = id.0, "the progress of an update cannot be noted");
        }
    }

    /// These updates are answered: as long as that cannot be written it is tried again.
    pub(crate) async fn finish(&self, ids: &[UpdateId]) {
        for some in ids.chunks(MAX_IDS) {
            while let Err(error) = self.inbox.finish(self.bot, some).await {
                tracing::warn!(%error, "an answered update cannot be marked as done; trying again");
                self.refusals.note(Asked::Finish, false);
                sleep(PAUSE).await;
            }
            self.refusals.note(Asked::Finish, true);
        }
        self.forget(ids);
    }

    /// These are not worked on any more, and not done.
    pub(crate) fn forget(&self, ids: &[UpdateId]) {
        self.with(|held| {
            for id in ids {
                held.remove(id);
            }
        });
    }

    /// Leaves everything that is held to whoever comes next.
    pub(crate) async fn leave(&self) {
        let held: Vec<UpdateId> = self.with(|held| std::mem::take(held).into_iter().collect());
        for some in held.chunks(MAX_IDS) {
            if let Err(error) = self.inbox.release(self.bot, some).await {
                tracing::warn!(%error, "leases of updates cannot be ended; they run out by themselves");
            }
        }
    }

    fn with<R>(&self, act: impl FnOnce(&mut BTreeSet<UpdateId>) -> R) -> R {
        act(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
