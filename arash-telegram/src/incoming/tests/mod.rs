//! Updates as Telegram sends them, and what they mean.

mod buttons;
mod edits;
mod fake_server;
mod groups;
mod joining;
mod media;
mod messages;
mod odd;
mod properties;
mod quotes;
mod samples;
mod services;
mod topics;
