//! One message from start to end: admit, respond, settle. What takes a while is recorded when it begins; all that it
//! changes is one [`TurnCommit`]. A completion goes the same way, without a session.

mod admit;
mod answer;
mod answers;
mod ask;
mod begin;
mod buffer;
mod calls;
mod change;
mod commit;
mod completion;
mod door;
mod events;
mod exchange;
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
mod telling;
mod window;
mod writer;

pub use crate::idempotency::{IdempotencyKey, RequestDigest};
pub use commit::{BeginOutcome, CommitOutcome, SessionChange, StartedTurn, TurnCommit, TurnState};
pub use completion::{Completion, CompletionEvent, CompletionReceipt, CompletionRequest, CompletionStream};
pub use idempotency::StoredTurn;
pub use processor::{MessageProcessor, ProcessorParts, ProviderRecord};
pub use recorder::{Recorder, RecorderPlace, RecorderSettings};
pub use reply::{Reply, ReplyEvent, ReplyStream, TurnReceipt};
pub use request::TurnRequest;
pub use running::RunningTurns;
pub use store::TurnStore;
