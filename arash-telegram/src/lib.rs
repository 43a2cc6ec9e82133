//! The Telegram host of arash.
//!
//! So far it holds one module that stands on its own and knows nothing of bots: [`markdown`] makes what models write
//! into text with entities, as the Bot API takes them.

mod api;
mod governor;
mod incoming;
pub mod markdown;
