//! Telegram does not take an answer, for a reason that nobody thought of: the person is told something all the same.

use std::time::Duration;

use arash_core::testing::{Script, Step};
use arash_fake_telegram::Fault;

use crate::log::Complaints;
use crate::running_bot::{RunningBot, texts};

const SENTENCE: &str = "Something went wrong on my side. Please try again.";

/// Asks for an answer; what is shown in the end is this one sentence, and the log tells of it once, without the answer.
async fn ask(refusals: &[Fault], rich: bool) {
    let complaints = Complaints::listen();
    let bot = RunningBot::start_with(|args| args.telegram_rich_messages = Some(rich.to_string())).await;
    let pause = Step::Pause(Duration::from_millis(1_500));
    bot.provider.push(Script::new([Step::say("One **secret**"), pause, Step::say(" more")]));
    let ann = bot.telegram.person("Ann");
    for refusal in refusals {
        bot.telegram.fault(refusal.clone());
    }
    ann.say("Count");
    assert_eq!(bot.answer(&ann, 1).await.text(), SENTENCE);
    bot.telegram.until(|_| (texts(&ann) == [SENTENCE]).then_some(())).await.unwrap();
    let said = complaints.all();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("ERROR") && !said.contains("secret") && !said.contains(&bot.telegram.token()), "{said}");
    bot.telegram.mend();
    bot.provider.push(Script::saying("Hello"));
    ann.say("Are you there?");
    bot.shows(&ann, "Hello").await;
    bot.end().await;
}

#[tokio::test]
async fn a_final_that_is_refused_becomes_a_sentence() {
    for words in ["Bad Request: BUTTON_DATA_INVALID", "Bad Request: MESSAGE_TOO_STRANGE", "Bad Request"] {
        ask(&[Fault::refusal(400, words).on("editMessageText").containing("more").always()], false).await;
    }
}

#[tokio::test]
async fn as_a_rich_message_it_does_too() {
    ask(&[Fault::refusal(400, "Bad Request: no").on("editMessageText").containing("more").always()], true).await;
}

#[tokio::test]
async fn where_no_edit_is_taken_at_all_a_message_of_its_own_tells_it() {
    ask(&[Fault::refusal(400, "Bad Request: no").on("editMessageText").always()], false).await;
}

#[tokio::test]
async fn a_sentence_of_the_bot_itself_that_is_refused_leaves_no_placeholder() {
    let bot = RunningBot::start().await;
    let ann = bot.telegram.person("Ann");
    bot.telegram.fault(Fault::refusal(400, "Bad Request: no").on("editMessageText").always());
    for command in ["/stop", "/help"] {
        ann.say(command);
    }
    bot.telegram.until(|_| (texts(&ann) == [SENTENCE, SENTENCE]).then_some(())).await.unwrap();
    bot.end().await;
}
