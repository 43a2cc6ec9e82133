//! The last question again.

use arash_core::ai::AiErrorKind;
use arash_core::testing::{Script, Step};
use arash_fake_telegram::UserFile;

use crate::running_bot::RunningBot;

fn newest(bot: &RunningBot) -> String {
    bot.provider.requests().last().unwrap().newest().unwrap().text.to_string()
}

#[tokio::test]
async fn there_may_be_nothing_to_retry() {
    let bot = RunningBot::start().await;
    let ann = bot.telegram.person("Ann");
    ann.say("/retry");
    let said = bot.answer(&ann, 1).await;
    assert_eq!(said.text(), "There is no message yet that I could answer again. Write me something first.");
    bot.end().await;
}

#[tokio::test]
async fn what_broke_off_is_kept_and_asked_again() {
    let bot = RunningBot::start().await;
    bot.provider.push(Script::new([Step::say("One **two"), Step::Fail(AiErrorKind::Failed)]));
    bot.provider.push(Script::saying("One two three"));
    let ann = bot.telegram.person("Ann");
    ann.say("Count");
    let broken = bot.answer(&ann, 1).await;
    assert_eq!(broken.text(), "One two\n\nThe answer broke off here. To let me try again: /retry");
    ann.say("/retry");
    assert_eq!(bot.answer(&ann, 2).await.text(), "One two three");
    assert_eq!((bot.provider.calls(), newest(&bot).as_str()), (2, "Count"));
    bot.end().await;
}

#[tokio::test]
async fn another_program_asks_it_again_as_well() {
    for question in ["Count", "//etc/hosts is what?"] {
        let bot = RunningBot::start().await;
        let ann = bot.telegram.person("Ann");
        ann.say(question);
        bot.answer(&ann, 1).await;
        let first = newest(&bot);
        let bot = bot.restart().await;
        ann.say("/retry");
        bot.answer(&ann, 2).await;
        assert_eq!((bot.provider.calls(), newest(&bot)), (2, first));
        bot.end().await;
    }
}

#[tokio::test]
async fn what_was_stopped_or_had_an_attachment_is_asked_again_whole() {
    let bot = RunningBot::start().await;
    let ann = bot.telegram.person("Ann");
    let notes = UserFile::document("notes.txt", "text/plain", &b"Milk"[..]).caption("What shall I buy?");
    bot.provider.push(Script::new([Step::say("Milk"), Step::Hang]));
    ann.send(notes);
    bot.shows(&ann, "Milk").await;
    ann.say("/stop");
    bot.answer(&ann, 1).await;
    bot.provider.push(Script::saying("Milk, no more"));
    ann.say("/retry");
    assert_eq!(bot.answer(&ann, 2).await.text(), "Milk, no more");
    let requests = bot.provider.requests();
    let asked = requests[1].newest().unwrap();
    assert_eq!((&*asked.text, asked.attachments.len()), ("What shall I buy?", 1));
    bot.end().await;
}
