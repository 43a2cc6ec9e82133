//! The Telegram host of arash: a bot that answers with an [`Engine`](arash_core::Engine).
//!
//! ```no_run
//! # async fn example(settings: arash_core::settings::Settings, engine: arash_core::Engine)
//! #     -> Result<(), arash_telegram::TelegramError> {
//! let bot = arash_telegram::Telegram::connect(engine, &settings.telegram, settings.http.image_limit()).await?;
//! bot.run(tokio_util::sync::CancellationToken::new()).await;
//! # Ok(())
//! # }
//! ```
//!
//! Whoever embeds it gives the engine [`FluentTexts`], so that commands answer in the person's language.
//!
//! [`markdown`] stands on its own and knows nothing of bots: it makes what models write into text with entities, as the
//! Bot API takes them.

mod answer;
mod api;
mod attachments;
mod bot;
mod commands;
mod governor;
mod health;
mod inbox;
mod incoming;
mod keyboards;
mod lane;
pub mod markdown;
mod notices;
mod outgoing;
mod remembered;
mod replies;
mod source;
mod telegram;
mod texts;

pub use health::BotHealth;
pub use telegram::{Telegram, TelegramError};
pub use texts::FluentTexts;
