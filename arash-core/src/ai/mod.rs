//! Who answers: the [`AiProvider`] trait, its types, and the providers that come with the engine.

mod error;
mod estimate;
mod given_name;
mod offline;
mod provider;
mod types;

pub use error::{AiError, AiErrorKind};
pub use estimate::estimate_tokens;
pub use offline::{OFFLINE_MODEL, Offline};
pub use provider::{AiProvider, ChatStream};
pub use types::{ChatDelta, ChatReply, ChatRequest};
