//! Very many people who ask at once.

use std::time::Duration;

use arash_core::testing::{Script, Step};
use tokio::time::sleep;

use crate::running_bot::RunningBot;

#[tokio::test]
async fn a_thousand_are_answered_at_once_and_the_others_after_them() {
    let bot = RunningBot::start().await;
    bot.provider.push(Script::new([Step::Hang]));
    for number in 0..1_010 {
        bot.telegram.person(&format!("Person {number}")).say("Hello");
    }
    bot.telegram.until(|_| (bot.provider.running() >= 1_000).then_some(())).await.unwrap();
    sleep(Duration::from_millis(500)).await;
    assert_eq!((bot.telegram.pending_updates(), bot.provider.calls()), (0, 1_000));
}
