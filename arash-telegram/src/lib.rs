//! The Telegram host of arash: a bot that answers with an [`Engine`](arash_core::Engine).
//!
//! ```no_run
//! # async fn example(settings: arash_core::settings::Settings, engine: arash_core::Engine)
//! #     -> Result<(), arash_telegram::TelegramError> {
//! let stop = tokio_util::sync::CancellationToken::new();
//! arash_telegram::run(engine, &settings, stop, |line| println!("{line}")).await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`run`] is a program's whole work, with a port of its own; [`Telegram`] is the bot alone, for those who have a server.
//! Whoever embeds it gives the engine [`FluentTexts`], so that commands answer in the person's language.
//!
//! [`markdown`] stands on its own and knows nothing of bots: it makes what models write into text with entities, as the
//! Bot API takes them.

mod answer;
mod api;
mod attachments;
mod bot;
mod chats;
mod commands;
mod governor;
mod health;
mod inbox;
mod incoming;
mod introduction;
mod keyboards;
mod lane;
pub mod markdown;
mod moved;
mod notices;
mod outgoing;
mod remembered;
mod replies;
mod run;
mod running_bot;
mod source;
mod telegram;
mod texts;

pub use health::BotHealth;
pub use run::run;
pub use telegram::{Telegram, TelegramError};
pub use texts::FluentTexts;
