//! An AI chatbot engine for Rust programs. One message goes in, one reply comes out, whole or streamed; on the way it
//! is authenticated, rate limited, metered, answered by a command or an AI model, remembered, and told to the team's
//! webhook.
//!
//! # What sets it apart
//!
//! - **Every answer is metered exactly once**, also after `kill -9`, also when the caller goes away in the middle. All
//!   that a turn changes is one value, [`TurnCommit`](turn::TurnCommit), written in one transaction, and a reply is
//!   only given out when that is durable. Of a stream, pieces are read before; that it has begun is durable by then, and
//!   if the whole program dies, another or the next one records it by estimate.
//! - **No quota is exceeded**, however many requests come at once: requests are spent from blocks that the store
//!   leases by one conditional step, so most need no storage at all. See [`QuotaKeeper`](quota::QuotaKeeper).
//! - **One conversation is one order**: messages of a session wait for each other in a lane, first come first served.
//! - **It is a library**: with default features it needs no server, no account and no network.
//!
//! # Hello
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> arash_core::Result<()> {
//! use arash_core::{Engine, IncomingMessage, Platform, ai::Offline};
//!
//! let engine = Engine::builder()
//!     .platform(Platform::private("internal").models(["offline/assistant"]).rate_limit(60).max_history(30))
//!     .ai(Offline::default())
//!     .build()
//!     .await?;
//!
//! let reply = engine.process(IncomingMessage::text("internal", "user-1", "chat-1", "My name is Sara")).await?;
//! println!("{}", reply.text);
//! let reply = engine.process(IncomingMessage::text("internal", "user-1", "chat-1", "What is my name?")).await?;
//! assert!(reply.text.contains("Sara"));
//! # engine.shutdown(std::time::Duration::from_secs(5)).await;
//! # Ok(())
//! # }
//! ```
//!
//! Add `.store(SqlStore::open("sqlite://arash.db").await?)` and the conversation outlives the program.
//!
//! # Messages and replies
//!
//! [`Engine::process`] gives the whole [`Reply`]; [`Engine::stream`] gives [`ReplyEvent`]s as the answer is written.
//! Either may be dropped at any moment: the turn runs on a task of the engine and is recorded all the same.
//! A [`TurnRequest`] adds who asks (a [`Principal`](team::Principal), from [`Engine::authenticate`]) and an
//! [`IdempotencyKey`](idempotency::IdempotencyKey) that makes a repeated request safe.
//!
//! # Platforms and sessions
//!
//! A [`Platform`] is a place where messages come from, with its models and limits. A conversation is named by platform,
//! team and chat ([`SessionKey`](session::SessionKey)) and is forgotten after a time without a turn.
//! Messages on a private platform belong to the team of the key that was shown; the host program's own belong to none.
//!
//! # Commands
//!
//! `/help`, `/status`, `/clear`, `/model`, `/models` and `/start` come with the engine; your own implement
//! [`CommandHandler`](command::CommandHandler). What the engine says can be translated with [`Texts`](command::Texts).
//!
//! # Tools
//!
//! Models may call what implements [`Tool`](tool::Tool), where the platform [allows it](Platform::tools). Arguments are
//! checked, time and size bounded, and whatever goes wrong is told to the model.
//!
//! # Completions
//!
//! [`Engine::complete`] and [`Engine::stream_completion`] answer a client's own request, which has no session; all else is
//! as for a message.
//!
//! # Providers
//!
//! Whatever answers implements [`AiProvider`](ai::AiProvider): a few lines around any service, or around another
//! provider. [`Offline`](ai::Offline) and, with the features `openai` and `pipeline`, `OpenAi` and `Pipeline` come with the
//! engine, and [layers](ai::layers) that make them hold out.
//!
//! # Stores
//!
//! [`MemoryStore`](store::MemoryStore) and, with the feature `sqlite` or `postgres`, `SqlStore` implement
//! [`Store`](store::Store).
//! A store of your own runs the same conformance suite as they do: `store_conformance!`, with the feature `testing`.
//!
//! # Webhooks
//!
//! What a team wants to be told of is committed together with its cause and sent until its endpoint takes it, signed as
//! [`webhook::signature`] tells and only where [`webhook::guard`] lets it; with a
//! [`keyring`](EngineBuilder::keyring), which seals the secrets of endpoints. A
//! [`WebhookSender`](webhook::WebhookSender) of your own may send events elsewhere; [`Engine::events`] tells of them here.
//!
//! # Bots
//!
//! A host that answers the updates of a messenger's bot keeps them in the [`inbox`] until they are answered:
//! [`Engine::inbox`] takes each in once, and gives those of a program that died to the next one.
//!
//! # Figures
//!
//! The engine counts and times what it does for the recorder of the crate `metrics`, if there is one;
//! [`metrics::describe`] tells it what is what, [`Engine::load`] how busy the engine is right now.
//!
//! # Errors
//!
//! Everything fails with one [`Error`]: a [kind](ErrorKind) with a stable [code](ErrorKind::code), whether it is
//! [worth trying again](Error::is_retryable) and [when](Error::retry_after). Its text is safe to show.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `sqlite` | yes | `store::SqlStore` on a SQLite file; SQLite itself is built in |
//! | `postgres` | no | `store::SqlStore` on a PostgreSQL server |
//! | `openai` | yes | `ai::OpenAi`, the provider for OpenAI-compatible services |
//! | `pipeline` | yes | `ai::Pipeline`, the provider for the house protocol |
//! | `webhooks` | yes | `webhook::HttpSender`, which sends events to the endpoints of teams |
//! | `settings` | no | `settings`: configuration from flags and environment, for hosts |
//! | `testing` | no | `testing`: a scripted provider, a clock to turn, a proxy that fails, the conformance suite for stores |
//! | `fail-points` | no | named places where a test may end the program at once; never for production |

pub mod ai;
pub mod clock;
pub mod command;
pub mod engine;
mod error;
mod event;
mod fail_point;
pub mod id;
pub mod idempotency;
pub mod inbox;
pub mod message;
pub mod metrics;
pub mod money;
pub mod platform;
pub mod quota;
#[cfg(any(feature = "openai", feature = "pipeline", feature = "webhooks"))]
mod retry_after;
pub mod seal;
pub mod secret;
pub mod session;
#[cfg(feature = "settings")]
pub mod settings;
pub mod store;
pub mod team;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tool;
pub mod turn;
pub mod usage;
pub mod webhook;

pub use engine::{Engine, EngineBuilder, Health, Load};
pub use error::{Error, ErrorKind, FieldError, LimitInfo, Result};
#[doc(hidden)]
pub use fail_point::fail_point;
pub use message::IncomingMessage;
pub use platform::Platform;
pub use secret::Secret;
pub use turn::{Reply, ReplyEvent, ReplyStream, TurnReceipt, TurnRequest};
