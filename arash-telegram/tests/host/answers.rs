//! An answer as it is seen: at once, while it is written, and in the end.

use std::sync::Arc;
use std::time::Duration;

use arash_core::testing::{Script, Step};
use arash_fake_telegram::Fault;
use tokio::sync::Notify;

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

#[tokio::test]
async fn where_drafts_are_switched_on_an_answer_is_one_until_it_is_final() {
    let bot = RunningBot::start_with(|settings| settings.telegram_drafts = Some("true".to_owned())).await;
    let go_on = Arc::new(Notify::new());
    bot.provider.push(Script::new([Step::say("One **two**"), Step::WaitFor(Arc::clone(&go_on)), Step::say(" three")]));
    let ann = bot.telegram.person("Ann");
    ann.say("Count");
    let draft = bot.telegram.until(|_| ann.draft()).await.unwrap();
    assert_eq!((draft.as_str(), ann.messages_of_bot().len()), ("One two", 0));
    go_on.notify_one();
    assert_eq!(bot.answer(&ann, 1).await.text(), "One two three");
    assert_eq!((ann.draft(), ann.messages_of_bot().len()), (None, 1));
    bot.end().await;
}

#[tokio::test]
async fn where_telegram_takes_no_drafts_messages_are_edited() {
    let bot = RunningBot::start_with(|settings| settings.telegram_drafts = Some("true".to_owned())).await;
    bot.telegram.fault(Fault::refusal(404, "Not Found").on("sendMessageDraft").always());
    let go_on = Arc::new(Notify::new());
    bot.provider.push(Script::new([Step::say("One"), Step::WaitFor(Arc::clone(&go_on)), Step::say(" two")]));
    let ann = bot.telegram.person("Ann");
    ann.say("Count");
    let seen = |text: &str| ann.messages_of_bot().pop().filter(|message| message.text() == text);
    assert!(bot.telegram.until(|_| seen("One")).await.is_some());
    go_on.notify_one();
    assert!(bot.telegram.until(|_| seen("One two")).await.is_some());
    assert_eq!(bot.telegram.calls_of("sendMessageDraft").len(), 1);
    bot.end().await;
}
