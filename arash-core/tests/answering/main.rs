//! How models are asked: with tools that they may call, with as much of the conversation as they can take, and with a
//! client's own request.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails panics")]

#[path = "../support/answers.rs"]
mod answers;
mod completion_faults;
mod completions;
mod context_window;
mod costs;
#[path = "../support/engines.rs"]
mod engines;
mod host_commands;
mod long_answers;
mod sound;
#[path = "../support/stores.rs"]
mod stores;
#[path = "../support/talk.rs"]
mod talk;
mod test_tools;
#[path = "../support/told.rs"]
mod told;
mod told_turns;
mod tool_faults;
mod tools;
mod unsaid;
