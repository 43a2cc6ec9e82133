//! An answer as it is seen: at once, while it is written, and in the end.

use std::time::Duration;

use arash_core::testing::{Script, Step};

use crate::running_bot::RunningBot;

#[tokio::test]
async fn a_question_is_answered_with_formatting() {
    let bot = RunningBot::start().await;
    bot.provider.push(Script::saying("Hello, **Ann**!"));
    let ann = bot.telegram.person("Ann");
    ann.say("Hello");
    let answer = bot.answer(&ann, 1).await;
    assert_eq!(answer.text(), "Hello, Ann!");
    assert_eq!(answer.formatted().entities.len(), 1);
    assert_eq!(ann.messages_of_bot().len(), 1, "it grew out of one message");
    bot.end().await;
}

#[tokio::test]
async fn an_answer_is_seen_while_it_is_written_and_can_be_stopped() {
    let bot = RunningBot::start().await;
    bot.provider.push(Script::new([Step::say("One two"), Step::Pause(Duration::from_secs(30)), Step::say(" three")]));
    let ann = bot.telegram.person("Ann");
    ann.say("Count");
    let preview =
        bot.telegram.until(|_| ann.messages_of_bot().pop().filter(|seen| seen.text() == "One two")).await.unwrap();
    ann.press(preview.id, "Stop").unwrap();
    let answer = bot.answer(&ann, 1).await;
    assert!(answer.text().starts_with("One two\n\n"), "{}", answer.text());
    bot.end().await;
}
