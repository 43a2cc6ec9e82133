use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::IgnoredAny;

use crate::clock::Clock;
use crate::error::{Error, FieldError, Result};
use crate::id::{BotId, UpdateId};
use crate::inbox::{ForgottenUpdates, InboxStore, InboxUpdate, NewUpdate, UpdateLease};

/// Most updates that are received or claimed at once.
pub const MAX_UPDATES: usize = 100;
/// Most updates that are renewed, released or finished at once.
pub const MAX_IDS: usize = 1_000;
/// Longest payload of an update, and longest note of its progress, in bytes.
pub const MAX_JSON_BYTES: usize = 1 << 20;

/// For how long an update is remembered. Messengers keep what they could not deliver for a day.
const KEPT: Duration = Duration::from_secs(25 * 3_600);
/// How many old updates are deleted in one go.
const FORGOTTEN_AT_ONCE: u32 = 500;

/// The updates of bots: taken in once, kept until they are answered, through crashes too.
///
/// Whoever receives or claims an update has it for a while, puts the end of that off ([`Inbox::renew`]), may note how far
/// it has come ([`Inbox::note`]) and says when it is done ([`Inbox::finish`]). Who dies does none of it, and another one
/// claims it. After 25 hours an update is forgotten, answered or not.
#[derive(Clone)]
pub struct Inbox {
    store: Arc<dyn InboxStore>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}

impl Inbox {
    /// The inbox that `store` holds.
    pub fn new(store: Arc<dyn InboxStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Takes in updates, at most [`MAX_UPDATES`], all or none, and leases those that are new to the caller. They are durable
    /// when this returns. Returns which ones are new, in ascending order: the others were received before, and are somebody
    /// else's or done.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when there are too many, or a payload is no JSON or longer than
    /// [`MAX_JSON_BYTES`]; [`Unavailable`](crate::ErrorKind::Unavailable) when storage does not answer: then they may have
    /// been taken in, and whoever receives them again is told that they are not new. They are claimed later.
    pub async fn receive(&self, bot: BotId, updates: &[NewUpdate], lease: Duration) -> Result<Vec<UpdateId>> {
        check_count("updates", updates.len(), MAX_UPDATES)?;
        let faults: Vec<_> = updates.iter().filter_map(payload_fault).collect();
        if !faults.is_empty() {
            return Err(Error::invalid_fields(faults));
        }
        if updates.is_empty() {
            return Ok(Vec::new());
        }
        self.store.receive_updates(bot, updates, self.lease(lease)).await
    }

    /// Leases up to `limit` waiting updates that nobody has to the caller, [`MAX_UPDATES`] at most: those with the lowest
    /// numbers, in ascending order.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when storage does not answer.
    pub async fn claim(&self, bot: BotId, lease: Duration, limit: u32) -> Result<Vec<InboxUpdate>> {
        self.store.claim_updates(bot, self.lease(lease), limit.min(MAX_UPDATES as u32)).await
    }

    /// Puts off the end of leases to `lease` from now, of [`MAX_IDS`] updates at most. What was released stays so.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when there are too many;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when storage does not answer.
    pub async fn renew(&self, bot: BotId, ids: &[UpdateId], lease: Duration) -> Result<()> {
        check_count("updates", ids.len(), MAX_IDS)?;
        if ids.is_empty() { Ok(()) } else { self.store.renew_updates(bot, ids, self.lease(lease).until).await }
    }

    /// Keeps how far a waiting update has come, in JSON of the caller's own, instead of what was kept before. Whoever
    /// claims the update next is told; when it is done, it is erased.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when it is no JSON or longer than [`MAX_JSON_BYTES`];
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when storage does not answer.
    pub async fn note(&self, bot: BotId, id: UpdateId, progress: &str) -> Result<()> {
        match json_fault(progress) {
            Some(message) => Err(Error::invalid("progress", message)),
            None => self.store.note_progress(bot, id, progress).await,
        }
    }

    /// Ends leases of [`MAX_IDS`] updates at most now, so that others may claim them: for an orderly end.
    ///
    /// # Errors
    /// As of [`Inbox::renew`].
    pub async fn release(&self, bot: BotId, ids: &[UpdateId]) -> Result<()> {
        check_count("updates", ids.len(), MAX_IDS)?;
        if ids.is_empty() { Ok(()) } else { self.store.release_updates(bot, ids).await }
    }

    /// These updates, [`MAX_IDS`] at most, are done: nobody gets them again, and nothing of what they said is kept.
    ///
    /// # Errors
    /// As of [`Inbox::renew`].
    pub async fn finish(&self, bot: BotId, ids: &[UpdateId]) -> Result<()> {
        check_count("updates", ids.len(), MAX_IDS)?;
        if ids.is_empty() { Ok(()) } else { self.store.finish_updates(bot, ids).await }
    }

    /// How many updates of a bot wait, those that somebody has included.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when storage does not answer.
    pub async fn waiting(&self, bot: BotId) -> Result<u64> {
        self.store.waiting_updates(bot).await
    }

    /// Deletes the updates whose time is over, some at a time, so that others write in between.
    pub(crate) async fn forget_old(&self) -> Result<()> {
        let before = self.clock.now().minus(KEPT);
        loop {
            let ForgottenUpdates { done, waiting } = self.store.forget_updates(before, FORGOTTEN_AT_ONCE).await?;
            if waiting > 0 {
                tracing::warn!(updates = waiting, "gave up updates that nobody answered within 25 hours");
            }
            if done + waiting < u64::from(FORGOTTEN_AT_ONCE) {
                return Ok(());
            }
        }
    }

    fn lease(&self, duration: Duration) -> UpdateLease {
        let now = self.clock.now();
        UpdateLease { now, until: now.plus(duration) }
    }
}

fn check_count(field: &'static str, given: usize, most: usize) -> Result<()> {
    if given <= most {
        return Ok(());
    }
    Err(Error::invalid(field, format!("are {given}; at most {most} are accepted at once")))
}

fn payload_fault(update: &NewUpdate) -> Option<FieldError> {
    let message = json_fault(&update.payload)?;
    Some(FieldError { field: format!("updates.{}.payload", update.id).into(), message: message.into() })
}

/// Why a text cannot be kept.
fn json_fault(text: &str) -> Option<String> {
    if text.len() > MAX_JSON_BYTES {
        return Some(format!("is {} bytes long; at most {MAX_JSON_BYTES} are accepted", text.len()));
    }
    serde_json::from_str::<IgnoredAny>(text).is_err().then(|| "is not JSON".to_owned())
}
