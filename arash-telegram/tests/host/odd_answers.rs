//! Answers of models that are hardly answers, and such as are too much for a message.

use std::time::Duration;

use arash_core::testing::{Script, Step};
use arash_fake_telegram::{Call, FileKind};

use crate::running_bot::{RunningBot, texts};

#[tokio::test]
async fn white_space_is_no_reason_to_send_anything() {
    let bot = RunningBot::start().await;
    let pause = || Step::Pause(Duration::from_millis(1_500));
    bot.provider.push(Script::new([Step::say("\n"), pause(), Step::say("  \n"), pause(), Step::say("There.")]));
    let ann = bot.telegram.person("Ann");
    ann.say("Hello");
    assert_eq!(bot.answer(&ann, 1).await.text(), "There.");
    let refused: Vec<_> = bot.telegram.calls().iter().filter_map(Call::refused_with).collect();
    assert_eq!(refused, [0; 0]);
    bot.end().await;
}

#[tokio::test]
async fn what_formatting_leaves_nothing_of_is_shown_as_it_was_written() {
    for source in ["[docs]: https://example.com", "```\n```", "&nbsp;", "#"] {
        let bot = RunningBot::start().await;
        bot.provider.push(Script::saying(source));
        let ann = bot.telegram.person("Ann");
        ann.say("Hello");
        let answer = bot.answer(&ann, 1).await;
        assert!(!answer.text().trim().is_empty(), "{source:?}");
        assert_eq!(texts(&ann).len(), 1);
        bot.end().await;
    }
}

#[tokio::test]
async fn an_empty_answer_is_told_in_a_sentence() {
    let bot = RunningBot::start().await;
    bot.provider.push(Script::saying(" "));
    let ann = bot.telegram.person("Ann");
    ann.say("Hello");
    let answer = bot.answer(&ann, 1).await;
    assert_eq!(answer.text(), "The AI service could not answer just now. Please try again in a moment.");
    bot.end().await;
}

#[tokio::test]
async fn a_long_answer_is_several_messages_and_whole() {
    let bot = RunningBot::start().await;
    let words: Vec<_> = (0..1_500).map(|number| format!("word{number}")).collect();
    let long = words.join(" ");
    bot.provider.push(Script::saying(&long));
    let ann = bot.telegram.person("Ann");
    ann.say("Tell me much");
    let count = long.len().div_ceil(4_096);
    bot.answer(&ann, count).await;
    assert_eq!(texts(&ann).join(" ").split_whitespace().collect::<Vec<_>>(), words);
    bot.end().await;
}

#[tokio::test]
async fn a_very_long_answer_is_a_document() {
    let bot = RunningBot::start().await;
    let long = "word ".repeat(6_000);
    bot.provider.push(Script::saying(long.trim()));
    let ann = bot.telegram.person("Ann");
    ann.say("Tell me all");
    bot.answer(&ann, 2).await;
    let messages = ann.messages_of_bot();
    let [first, file] = messages.as_slice() else { unreachable!("{messages:?}") };
    assert!(first.text().ends_with("The answer is long: all of it is in this file."));
    let file = file.file().unwrap();
    assert_eq!((file.kind, file.name.as_str()), (FileKind::Document, "answer.md"));
    assert_eq!(bot.telegram.file(&file.ids[0]).unwrap(), long.trim().as_bytes());
    bot.end().await;
}
