//! A strict fake of Telegram's Bot API server: no test needs Telegram.
//!
//! Bots talk to it as they do to the real one, over HTTP; tests play the people, plan faults, turn the clock, and look at
//! what was called and at what people see. What Telegram refuses is refused in Telegram's words.
//!
//! ```
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use arash_fake_telegram::{FakeTelegram, Fault};
//!
//! let telegram = FakeTelegram::start().await?;
//! let ann = telegram.person("Ann");
//! ann.say("Hello");
//! telegram.fault(Fault::too_many_requests(3).on("sendMessage"));
//! // A bot that is told telegram.url() and telegram.token() answers …
//! let answer = telegram.until(|_| ann.messages_of_bot().pop()).await;
//! # Ok(())
//! # }
//! ```
//!
//! # What is like Telegram
//!
//! - **Transport**: any HTTP method; parameters as a query, a form, JSON or multipart; names of methods in any letters.
//! - **Updates**: long polling with offsets and 409, webhooks with secret, repetition and `max_connections`; each is
//!   kept for 24 hours.
//! - **Texts**: lengths after parsing, entities, `HTML` and `MarkdownV2`, in UTF-16; edits, deletions, replies, topics.
//! - **Flood control**: a message or an edit a second in a chat after a burst of 5, 20 a minute in a group, 30 a second
//!   in all. Who does not wait has to wait anew. [`FakeTelegram::control_floods`] switches it off.
//! - **People**: privacy mode, members, blocked and kicked bots, groups that become supergroups.
//!
//! # For people
//!
//! The server has a page of its own, where one can chat with the bot that is connected, and the same as JSON for programs
//! that are not written in Rust: see `page/mod.rs`. `cargo run -p arash-fake-telegram` starts a server for that.
//!
//! # What is not
//!
//! - One server has one bot, and knows the methods that a chat bot needs; others are "not found". Payments, Mini Apps,
//!   inline mode and channels are not there, nor is the old parse mode `Markdown`.
//! - Rich messages come about by edits, in Markdown; they are shown as they are written, and are one block to bots.
//! - Webhooks may be on this machine, at any port and without TLS.
//! - A button with two actions is refused, where Telegram takes one of them in silence.
//! - Numbers that Telegram does not publish, such as those of its flood control, are a guess on the strict side.

mod clock;
mod faults;
mod files;
mod flood;
mod messages;
mod object;
mod page;
mod people;
mod record;
mod telegram;
mod text;
mod transport;
mod updates;
mod world;

pub use clock::Timestamp;
pub use faults::Fault;
pub use files::{Attachment, FileKind};
pub use messages::{Button, CallbackAnswer, Content, Message, QueryId, Version};
pub use people::{ChatKind, Command, Group, Impossible, Person, Spot, Status, Topic, UserFile};
pub use record::{Call, Told};
pub use telegram::{FakeTelegram, Settings};
pub use text::{Entity, FormattedText};
pub use transport::{Outcome, Refusal};
