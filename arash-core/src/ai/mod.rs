//! Who answers: the [`AiProvider`] trait, its types, and the providers that come with the engine.

mod error;
mod estimate;
mod given_name;
pub mod layers;
mod offline;
#[cfg(feature = "openai")]
mod openai;
#[cfg(feature = "pipeline")]
mod pipeline;
mod provider;
mod reply;
mod request;
mod sse;
mod surrogates;
mod time_limits;
mod transcripts;
#[cfg(any(feature = "openai", feature = "pipeline"))]
mod upstream;
mod wire;

pub use error::{AiError, AiErrorKind};
pub(crate) use estimate::estimate_message;
pub use estimate::estimate_tokens;
pub use offline::{OFFLINE_MODEL, Offline};
#[cfg(feature = "openai")]
pub use openai::OpenAi;
#[cfg(feature = "pipeline")]
pub use pipeline::Pipeline;
pub use provider::{AiProvider, ChatStream};
pub use reply::{ChatDelta, ChatReply, FinishReason};
pub use request::{ChatRequest, ToolSpec};
pub use sse::{SseDecoder, SseEvent, SseTooLong};
pub(crate) use surrogates::replace_lone_surrogates;
pub use time_limits::TimeLimits;
pub use transcripts::Transcripts;
#[cfg(feature = "settings")]
pub(crate) use upstream::is_own_header;
pub use wire::WireRequest;

pub use crate::message::ToolCall;
