//! One message from start to end: admit, respond, settle. All that it changes is one [`TurnCommit`].

mod admit;
mod buffer;
mod commit;
mod idempotency;
mod processor;
mod recorder;
mod reply;
mod request;
mod respond;
mod settle;
mod store;

pub use commit::{BeginOutcome, CommitOutcome, SessionChange, StartedTurn, TurnCommit, TurnState};
pub use idempotency::{IdempotencyKey, RequestDigest, StoredTurn};
pub use processor::{MessageProcessor, ProcessorParts, ProviderRecord};
pub use recorder::{Recorder, RecorderPlace, RecorderSettings};
pub use reply::{Reply, ReplyEvent, ReplyStream, TurnReceipt};
pub use request::TurnRequest;
pub use store::TurnStore;
