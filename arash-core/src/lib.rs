//! arash: an AI chatbot engine for Rust programs.

pub mod ai;
pub mod clock;
// pub mod command;
mod error;
pub mod id;
pub mod message;
pub mod money;
pub mod platform;
pub mod quota;
pub mod secret;
pub mod session;
pub mod store;
pub mod team;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod turn;
pub mod usage;
pub mod webhook;

pub use error::{Error, ErrorKind, FieldError, LimitInfo, Result};
pub use message::IncomingMessage;
pub use platform::Platform;
