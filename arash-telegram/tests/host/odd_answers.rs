//! Answers of models that are hardly answers, and such as are too much for a message.

use std::time::Duration;

use arash_core::testing::{Script, Step};
use arash_fake_telegram::{Call, Fault, FileKind};

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

#[tokio::test]
async fn an_answer_that_cannot_be_seen_is_told_in_a_sentence() {
    for letters in ["\u{200b}", "\u{2060}\n\u{2060}", "\u{3164}", "\u{2800} \u{2800}", "\u{202e}", "\u{feff}\u{200d}"] {
        let bot = RunningBot::start().await;
        let pause = Step::Pause(Duration::from_millis(1_500));
        bot.provider.push(Script::new([Step::say(letters), pause, Step::say(letters)]));
        let ann = bot.telegram.person("Ann");
        ann.say("Hello");
        let answer = bot.answer(&ann, 1).await;
        let sentence = "The AI service could not answer just now. Please try again in a moment.";
        assert_eq!((answer.text(), texts(&ann).len()), (sentence, 1), "{letters:?}");
        let calls = bot.telegram.calls();
        assert!(
            calls.iter().all(|call| call.refused_with().is_none() && call.method != "deleteMessage"),
            "{letters:?}"
        );
        bot.end().await;
    }
}

#[tokio::test]
async fn of_what_becomes_a_document_no_other_message_stays_though_telegram_fails_to_delete_it() {
    for fault in [Fault::too_many_requests(1), Fault::bad_gateway(), Fault::lost_reply()] {
        let bot = RunningBot::start().await;
        let part = "word ".repeat(1_000);
        let pause = || Step::Pause(Duration::from_secs(6));
        bot.provider.push(Script::new([Step::say(&part), pause(), Step::say(part.repeat(5))]));
        let ann = bot.telegram.person("Ann");
        bot.telegram.fault(fault.on("deleteMessage"));
        ann.say("Tell me all");
        bot.telegram.until(|_| (texts(&ann).len() == 2).then_some(())).await.unwrap();
        let is_whole = || ann.messages_of_bot().iter().any(|message| message.file().is_some());
        bot.telegram.until(|_| is_whole().then_some(())).await.unwrap();
        let messages = ann.messages_of_bot();
        assert_eq!(messages.len(), 2, "{messages:?}");
        assert!(messages.iter().all(|message| message.keyboard.is_null() && message.text() != "…"), "{messages:?}");
        assert_eq!(bot.telegram.calls_of("deleteMessage").len(), 2);
        bot.end().await;
    }
}

#[tokio::test]
async fn a_message_that_telegram_does_not_delete_loses_its_button() {
    let bot = RunningBot::start().await;
    let part = "word ".repeat(1_000);
    bot.provider.push(Script::new([Step::say(&part), Step::Pause(Duration::from_secs(6)), Step::say(part.repeat(5))]));
    let ann = bot.telegram.person("Ann");
    bot.telegram.fault(Fault::refusal(400, "Bad Request: message can't be deleted").on("deleteMessage").always());
    ann.say("Tell me all");
    let is_whole = || ann.messages_of_bot().iter().any(|message| message.file().is_some());
    bot.telegram.until(|_| is_whole().then_some(())).await.unwrap();
    assert!(ann.messages_of_bot().iter().all(|message| message.keyboard.is_null()));
    bot.end().await;
}
