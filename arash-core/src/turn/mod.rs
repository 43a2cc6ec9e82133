//! One message from start to end: admit, respond, settle. What takes a while is recorded when it begins; all that it
//! changes is one [`TurnCommit`].

mod admit;
mod answer;
mod answers;
mod begin;
mod buffer;
mod change;
mod commit;
mod door;
mod facts;
mod idempotency;
mod processor;
mod recorder;
mod reply;
mod request;
mod respond;
mod running;
mod settle;
mod stop;
mod store;
mod sweep;
mod writer;

pub use crate::idempotency::{IdempotencyKey, RequestDigest};
pub use commit::{BeginOutcome, CommitOutcome, SessionChange, StartedTurn, TurnCommit, TurnState};
pub use idempotency::StoredTurn;
pub use processor::{MessageProcessor, ProcessorParts, ProviderRecord};
pub use recorder::{Recorder, RecorderPlace, RecorderSettings};
pub use reply::{Reply, ReplyEvent, ReplyStream, TurnReceipt};
pub use request::TurnRequest;
pub use running::RunningTurns;
pub use store::TurnStore;
