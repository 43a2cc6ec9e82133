//! Who answers: the [`AiProvider`] trait, its types, and the providers that come with the engine.

mod error;
mod estimate;
mod given_name;
mod offline;
#[cfg(feature = "pipeline")]
mod pipeline;
mod provider;
mod reply;
mod request;
mod wire;

pub use error::{AiError, AiErrorKind};
pub(crate) use estimate::estimate_message;
pub use estimate::estimate_tokens;
pub use offline::{OFFLINE_MODEL, Offline};
#[cfg(feature = "pipeline")]
pub use pipeline::Pipeline;
pub use provider::{AiProvider, ChatStream};
pub use reply::{ChatDelta, ChatReply, FinishReason};
pub use request::{ChatRequest, ToolSpec};
pub use wire::WireRequest;

pub use crate::message::ToolCall;
