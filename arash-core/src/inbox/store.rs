use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{BotId, UpdateId};
use crate::inbox::{ForgottenUpdates, InboxUpdate, NewUpdate, UpdateLease};

/// What an inbox of bots needs from storage.
///
/// An update is known by its bot and its number. It waits, leased to somebody or not, until it is done; then nothing of
/// what it said is left, but that it was there is remembered until [`InboxStore::forget_updates`]. A lease is over at its
/// moment. Numbers of which nothing waits are left out in silence wherever several are named. Each method is one
/// transaction, and what it wrote is durable when it returns; only a claim, a renewal or a release may be lost with the
/// machine's power.
///
/// Every method may fail with [`Unavailable`](crate::ErrorKind::Unavailable) when storage cannot be reached; then nothing
/// or all of it was written.
#[async_trait]
pub trait InboxStore: Send + Sync {
    /// Writes the updates that were not received before, done or not, and leases them to the caller: all or none.
    /// Returns which ones were new, in ascending order. Of several with one number the first counts.
    async fn receive_updates(&self, bot: BotId, updates: &[NewUpdate], lease: UpdateLease) -> Result<Vec<UpdateId>>;

    /// Leases up to `limit` waiting updates that nobody has to the caller: those with the lowest numbers, in ascending
    /// order. Of callers at once each gets its own.
    async fn claim_updates(&self, bot: BotId, lease: UpdateLease, limit: u32) -> Result<Vec<InboxUpdate>>;

    /// Puts off the end of leases; what was released stays so.
    async fn renew_updates(&self, bot: BotId, ids: &[UpdateId], until: Timestamp) -> Result<()>;

    /// Keeps how far a waiting update has come, instead of what was kept before.
    async fn note_progress(&self, bot: BotId, id: UpdateId, progress: &str) -> Result<()>;

    /// Ends leases now: others may claim these updates.
    async fn release_updates(&self, bot: BotId, ids: &[UpdateId]) -> Result<()>;

    /// Marks waiting updates as done and erases their payloads and their progress.
    async fn finish_updates(&self, bot: BotId, ids: &[UpdateId]) -> Result<()>;

    /// How many updates of a bot wait, leased ones included.
    async fn waiting_updates(&self, bot: BotId) -> Result<u64>;

    /// Deletes up to `limit` updates of all bots that were received before `before`, the oldest first, also those that
    /// still wait.
    async fn forget_updates(&self, before: Timestamp, limit: u32) -> Result<ForgottenUpdates>;
}
