//! Completions: the answer to a client's own request, which belongs to no session.

mod reading;
mod request;
mod stream;

pub(super) use request::CompletionInput;
pub use request::CompletionRequest;
pub use stream::{Completion, CompletionEvent, CompletionReceipt, CompletionStream};
