//! Who answers: the [`AiProvider`] trait, its types, and the providers that come with the engine.

mod error;
mod estimate;
mod provider;
mod types;

pub use error::{AiError, AiErrorKind};
pub(crate) use estimate::estimate_prompt;
pub use estimate::estimate_tokens;
pub use provider::{AiProvider, ChatStream};
pub use types::{ChatDelta, ChatReply, ChatRequest};
