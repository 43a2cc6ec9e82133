//! The host against the fake Bot API server: what a person on Telegram sees.
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

mod answers;
mod attachments;
mod busy_chat;
mod closed_chats;
mod commands;
mod every_answer;
mod failures;
mod faults_of_telegram;
mod floods;
mod groups;
mod history;
mod left_behind;
mod log;
mod many_chats;
mod models;
mod moderation;
mod moved_groups;
mod muted_chats;
mod odd_answers;
mod order;
mod panics;
mod previews;
mod refused_answers;
mod retry;
mod rich_messages;
mod right_to_left;
mod running_bot;
mod stopping;
mod typing;
