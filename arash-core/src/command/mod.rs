//! Messages that are commands: `/name arguments`.

mod arguments;
mod builtin;
mod handler;
mod parser;
mod registry;
mod texts;

pub use arguments::Arguments;
pub use handler::{CommandContext, CommandHandler, CommandReply, SessionEffect};
pub use parser::{CommandCall, MAX_COMMAND_BYTES, ParseError, Parsed, parse};
pub use registry::CommandRegistry;
pub use texts::{EnglishTexts, Text, Texts};

// It lies with the platforms, which have commands of their hosts.
pub use crate::platform::CommandSpec;
