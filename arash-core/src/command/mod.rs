//! Messages that are commands: `/name arguments`.

mod arguments;
mod builtin;
mod handler;
mod parser;
mod registry;
mod texts;

pub use arguments::Arguments;
pub use handler::{CommandContext, CommandHandler, CommandReply, CommandSpec, SessionEffect};
pub use parser::{CommandCall, MAX_COMMAND_BYTES, ParseError, Parsed, parse};
pub use registry::CommandRegistry;
pub use texts::{EnglishTexts, Text, Texts};
