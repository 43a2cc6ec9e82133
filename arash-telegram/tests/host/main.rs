//! The host against the fake Bot API server: what a person on Telegram sees.
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

mod answers;
mod busy_chat;
mod closed_chats;
mod commands;
mod every_answer;
mod failures;
mod faults_of_telegram;
mod floods;
mod groups;
mod log;
mod models;
mod moved_groups;
mod odd_answers;
mod order;
mod previews;
mod retry;
mod rich_messages;
mod running_bot;
mod stopping;
