//! A group that becomes a supergroup, which is another chat to Telegram.

use std::sync::Arc;

use arash_core::testing::{Script, Step};
use arash_fake_telegram::{FakeTelegram, Fault, Settings};
use tokio::sync::Notify;

use crate::log::Complaints;
use crate::running_bot::{RunningBot, texts};

/// A bot that is shown what mentions it, and has two models.
async fn start() -> RunningBot {
    let telegram = FakeTelegram::start_with(Settings { has_privacy: false, ..Settings::default() }).await.unwrap();
    RunningBot::start_on(telegram, |args| args.telegram_models = Some("m1,m2".to_owned())).await
}

#[tokio::test]
async fn what_is_being_answered_goes_on_in_the_new_chat() {
    let (complaints, bot) = (Complaints::listen(), start().await);
    let go = Arc::new(Notify::new());
    bot.provider.push(Script::new([Step::say("One"), Step::WaitFor(Arc::clone(&go)), Step::say(" two")]));
    let ann = bot.telegram.person("Ann");
    let group = bot.telegram.group("Friends", &[&ann]);
    let here = ann.at(&group);
    here.say("@arash_test_bot count");
    bot.shows(&here, "One").await;
    let there = ann.at(&group.migrate());
    bot.telegram.until(|telegram| (telegram.pending_updates() == 0).then_some(())).await.unwrap();
    go.notify_one();
    let answer = bot.answer(&there, 1).await;
    assert_eq!((answer.text(), answer.reply_to), ("One two", None));
    assert_eq!((texts(&there).len(), bot.provider.calls()), (1, 1));
    assert_eq!(complaints.all(), "");
    bot.end().await;
}

#[tokio::test]
async fn an_answer_follows_the_group_before_any_update_tells_of_it() {
    let bot = start().await;
    let go = Arc::new(Notify::new());
    let long = "word ".repeat(6_000);
    bot.provider.push(Script::new([Step::say("word "), Step::WaitFor(Arc::clone(&go)), Step::say(&long)]));
    let ann = bot.telegram.person("Ann");
    let group = bot.telegram.group("Friends", &[&ann]);
    let here = ann.at(&group);
    here.say("@arash_test_bot count");
    bot.shows(&here, "word").await;
    // Nothing that Telegram tells can be stored from now on, as far as the bot can see.
    bot.telegram.fault(Fault::internal_error().on("getUpdates").always());
    ann.say("/help"); // Which ends the poll that waits.
    bot.telegram.until(|telegram| telegram.calls_of("getUpdates").pop().filter(|call| call.outcome.is_some())).await;
    let there = ann.at(&group.migrate());
    go.notify_one();
    bot.answer(&there, 2).await;
    let messages = there.messages_of_bot();
    assert!(messages[0].text().ends_with("all of it is in this file.") && messages[1].file().is_some());
    assert_eq!(bot.provider.calls(), 1);
    drop(bot);
}

#[tokio::test]
async fn it_can_be_stopped_where_the_group_is_now() {
    let bot = start().await;
    bot.provider.push(Script::new([Step::say("One"), Step::Hang]));
    let ann = bot.telegram.person("Ann");
    let group = bot.telegram.group("Friends", &[&ann]);
    let here = ann.at(&group);
    here.say("@arash_test_bot count");
    bot.shows(&here, "One").await;
    let there = ann.at(&group.migrate());
    there.say("/stop");
    assert_eq!(bot.answer(&there, 1).await.text(), "One\n\nStopped.");
    assert_eq!(texts(&there).len(), 1);
    bot.end().await;
}

#[tokio::test]
async fn what_waits_is_answered_there_and_the_model_and_the_question_stay() {
    let bot = start().await;
    let ann = bot.telegram.person("Ann");
    let group = bot.telegram.group("Friends", &[&ann]);
    let here = ann.at(&group);
    here.say("/model@arash_test_bot m2");
    bot.answer(&here, 1).await;
    let go = Arc::new(Notify::new());
    bot.provider.push(Script::new([Step::say("First"), Step::WaitFor(Arc::clone(&go))]));
    here.say("@arash_test_bot one");
    bot.shows(&here, "First").await;
    here.say("@arash_test_bot two");
    let there = ann.at(&group.migrate());
    bot.telegram.until(|telegram| (telegram.pending_updates() == 0).then_some(())).await.unwrap();
    bot.provider.push(Script::saying("Second"));
    go.notify_one();
    bot.answer(&there, 2).await;
    assert_eq!(texts(&there), ["First", "Second"]);
    bot.provider.push(Script::saying("Again"));
    there.say("/retry@arash_test_bot");
    bot.shows(&there, "Again").await;
    let asked: Vec<_> = bot.provider.requests().iter().map(|it| it.newest().unwrap().text.to_string()).collect();
    assert_eq!(asked, ["one", "two", "two"]);
    assert!(bot.provider.requests().iter().all(|request| request.model.as_str() == "m2"));
    let lengths: Vec<_> = bot.provider.requests().iter().map(|request| request.messages.len()).collect();
    assert_eq!(lengths, [1, 1, 3], "the old conversation is closed");
    bot.end().await;
}
