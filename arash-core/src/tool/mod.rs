//! What models may call: tools of the host program, checked and bounded.

mod contained;
mod handler;
mod limits;
mod nesting;
mod outcome;
mod registry;
mod schema;
mod toolbox;

pub(crate) use contained::Contained;
pub use handler::{Tool, ToolContext, ToolError};
pub use limits::ToolLimits;
pub(crate) use outcome::{ToolOutcome, sound_call};
pub use registry::ToolRegistry;
pub use toolbox::Toolbox;

pub use crate::ai::ToolSpec;
pub use crate::message::ToolCall;
