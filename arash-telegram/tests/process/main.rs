//! The program itself before a fake Telegram: started, told to stop, killed and started again.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that cannot go on fails here, and says how to repeat it"
)]

mod conversation;
mod crash;
#[expect(dead_code, reason = "what lies in it is more than these tests look at")]
#[path = "../../../arash-http/tests/process/database.rs"]
mod database;
mod document;
mod health;
mod log_file;
mod odd_updates;
mod program;
#[path = "../../../arash-core/tests/support/random.rs"]
mod random;
mod scene;
mod secrets;
mod sentences;
mod stopping;
mod storage;
mod upstream;
mod webhook;
