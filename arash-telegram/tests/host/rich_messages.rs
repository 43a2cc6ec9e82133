//! Answers as rich messages, where that is switched on.

use std::sync::Arc;
use std::time::Duration;

use arash_core::settings::SettingsArgs;
use arash_core::testing::{Script, Step};
use arash_fake_telegram::{Call, FakeTelegram, Fault, Message, Settings};
use tokio::sync::Notify;

use crate::running_bot::{RunningBot, texts};

const TABLE: &str = "# Two\n\n| a | b |\n|---|---|\n| 1 | 2 |";

fn rich(settings: &mut SettingsArgs) {
    settings.telegram_rich_messages = Some("true".to_owned());
}

fn rich_edits(bot: &RunningBot) -> Vec<Call> {
    let calls = bot.telegram.calls_of("editMessageText").into_iter();
    calls.filter(|call| call.payload.contains_key("rich_message")).collect()
}

#[tokio::test]
async fn an_answer_is_a_rich_message_once_it_is_final() {
    let bot = RunningBot::start_with(rich).await;
    let go_on = Arc::new(Notify::new());
    bot.provider.push(Script::new([Step::say("# سلام\n\nیک"), Step::WaitFor(Arc::clone(&go_on)), Step::say("\nدو")]));
    let ann = bot.telegram.person("Ann");
    ann.say("Count");
    let preview = bot.shows(&ann, "سلام\n\nیک").await;
    assert!(!preview.is_rich() && !preview.formatted().entities.is_empty());
    go_on.notify_one();
    let answer = bot.telegram.until(|_| ann.messages_of_bot().pop().filter(Message::is_rich)).await.unwrap();
    assert_eq!((answer.text(), answer.id, answer.keyboard.is_null()), ("# سلام\n\nیک  \nدو", preview.id, true));
    assert_eq!(rich_edits(&bot)[0].payload["rich_message"]["is_rtl"], true);
    bot.end().await;
}

#[tokio::test]
async fn what_is_no_answer_of_a_model_is_a_text() {
    let bot = RunningBot::start_with(rich).await;
    let ann = bot.telegram.person("Ann");
    ann.say("/help");
    bot.answer(&ann, 1).await;
    bot.provider.push(Script::new([Step::say("One **two**"), Step::Hang]));
    ann.say("Count");
    bot.shows(&ann, "One two").await;
    ann.say("/stop");
    assert_eq!(bot.answer(&ann, 2).await.text(), "One two\n\nStopped.");
    bot.provider.push(Script::saying(" "));
    ann.say("Hello?");
    bot.answer(&ann, 3).await;
    assert_eq!(rich_edits(&bot).len(), 0);
    bot.end().await;
}

#[tokio::test]
async fn where_it_is_not_switched_on_no_answer_is_one() {
    let bot = RunningBot::start().await;
    bot.provider.push(Script::saying("**Hello**"));
    let ann = bot.telegram.person("Ann");
    ann.say("Hello");
    let answer = bot.answer(&ann, 1).await;
    assert_eq!((answer.text(), answer.is_rich(), rich_edits(&bot).len()), ("Hello", false, 0));
    bot.end().await;
}

#[tokio::test]
async fn one_that_telegram_refuses_is_a_text() {
    let bot = RunningBot::start_with(rich).await;
    let refusal = Fault::refusal(400, "Bad Request: RICH_MESSAGE_URL_INVALID").on("editMessageText");
    bot.telegram.fault(refusal.containing("rich_message"));
    let ann = bot.telegram.person("Ann");
    for (count, is_rich) in [(1, false), (2, true)] {
        bot.provider.push(Script::saying("**Hello**"));
        ann.say("Hello");
        let answer = bot.answer(&ann, count).await;
        assert_eq!((answer.is_rich(), answer.text() == "Hello"), (is_rich, !is_rich), "the next one is tried again");
    }
    assert_eq!(ann.messages_of_bot().len(), 2);
    bot.end().await;
}

#[tokio::test]
async fn where_telegram_knows_none_it_is_not_asked_again() {
    for (code, words) in [(404, "Not Found: method not found"), (400, "Bad Request: message text is empty")] {
        let bot = RunningBot::start_with(rich).await;
        bot.telegram.fault(Fault::refusal(code, words).on("editMessageText").containing("rich_message").always());
        let ann = bot.telegram.person("Ann");
        for count in 1..=2 {
            bot.provider.push(Script::saying("**Hello**"));
            ann.say("Hello");
            assert_eq!(bot.answer(&ann, count).await.text(), "Hello");
        }
        assert_eq!(rich_edits(&bot).len(), 1);
        bot.end().await;
    }
}

#[tokio::test]
async fn whatever_is_not_known_of_one_it_is_there_once() {
    for fault in [Fault::lost_reply(), Fault::reset(), Fault::bad_gateway(), Fault::too_many_requests(1)] {
        let bot = RunningBot::start_with(rich).await;
        bot.provider.push(Script::saying(TABLE));
        let ann = bot.telegram.person("Ann");
        bot.telegram.fault(fault.clone().on("editMessageText").containing("rich_message").times(2));
        ann.say("Show me");
        let answer = bot.telegram.until(|_| ann.messages_of_bot().pop().filter(Message::is_rich)).await.unwrap();
        bot.provider.push(Script::saying("Yes"));
        ann.say("Is that all?");
        bot.answer(&ann, 2).await;
        assert_eq!((answer.text(), texts(&ann)), (TABLE, vec![TABLE.to_owned(), "Yes".to_owned()]), "{fault:?}");
        let edits = bot.telegram.calls_of("editMessageText");
        let last = edits.iter().rfind(|call| call.payload["message_id"] == answer.id).unwrap();
        assert!(last.payload.contains_key("rich_message"), "no text took its place: {last:?}");
        bot.end().await;
    }
}

#[tokio::test]
async fn one_that_is_too_long_for_a_text_is_one_message_and_beyond_that_parts_or_a_document() {
    let bot = RunningBot::start_with(rich).await;
    let ann = bot.telegram.person("Ann");
    let long = "word ".repeat(6_000);
    bot.provider.push(Script::saying(long.trim()));
    ann.say("Tell me much");
    let answer = bot.answer(&ann, 1).await;
    assert_eq!((answer.text(), answer.is_rich(), ann.messages_of_bot().len()), (long.trim(), true, 1));
    bot.provider.push(Script::saying("😀 word ".repeat(1_500)));
    ann.say("Tell me more");
    bot.answer(&ann, 4).await;
    bot.provider.push(Script::saying("word ".repeat(7_000)));
    ann.say("Tell me all");
    bot.answer(&ann, 6).await;
    let is_rich: Vec<_> = ann.messages_of_bot().iter().map(Message::is_rich).collect();
    assert_eq!(is_rich, [true, false, false, false, false, false]);
    assert!(ann.messages_of_bot()[5].file().is_some());
    bot.end().await;
}

#[tokio::test]
async fn the_messages_that_it_grew_over_become_one() {
    let bot = RunningBot::start_with(rich).await;
    let part = "word ".repeat(1_000);
    bot.provider.push(Script::new([Step::say(part.clone()), Step::Pause(Duration::from_secs(8)), Step::say("end")]));
    let ann = bot.telegram.person("Ann");
    ann.say("Tell me much");
    bot.telegram.until(|_| (ann.messages_of_bot().len() == 2).then_some(())).await.unwrap();
    let is_one = || Some(ann.messages_of_bot()).filter(|seen| seen.len() == 1 && seen[0].is_rich());
    assert_eq!(bot.telegram.until(|_| is_one()).await.unwrap()[0].text(), part + "end");
    bot.end().await;
}

#[tokio::test]
async fn in_a_group_one_can_reply_to_it() {
    let telegram = FakeTelegram::start_with(Settings { has_privacy: false, ..Settings::default() }).await.unwrap();
    let bot = RunningBot::start_on(telegram, rich).await;
    let ann = bot.telegram.person("Ann");
    let here = ann.at(&bot.telegram.supergroup("Friends", &[&ann]));
    bot.provider.push(Script::saying(TABLE));
    here.say("@arash_test_bot show us");
    let shown = bot.shows(&here, TABLE).await;
    bot.provider.push(Script::saying("It is."));
    let question = here.reply(shown.id, "Is that right?");
    assert_eq!(bot.shows(&here, "It is.").await.reply_to, Some(question));
    assert_eq!(&*bot.provider.requests()[1].messages[2].text, "Is that right?");
    bot.end().await;
}
