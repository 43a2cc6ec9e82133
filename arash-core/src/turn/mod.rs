//! One message from start to end: admit, respond, settle. All that it changes is one [`TurnCommit`].

mod commit;
mod idempotency;
mod store;

pub use commit::{CommitOutcome, SessionChange, TurnCommit, TurnState};
pub use idempotency::{IdempotencyKey, RequestDigest, StoredTurn};
pub use store::TurnStore;
