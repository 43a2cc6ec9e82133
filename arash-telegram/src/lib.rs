//! The Telegram host of arash.
//!
//! So far it holds [`markdown`], which stands on its own and knows nothing of bots: it makes what models write into text
//! with entities, as the Bot API takes them. And [`FluentTexts`], what the engine says in English, Persian and Russian.

mod api;
mod governor;
pub mod markdown;
mod texts;

pub use texts::FluentTexts;
