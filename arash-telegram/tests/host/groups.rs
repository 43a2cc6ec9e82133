//! Groups and their topics.

use arash_core::testing::Script;
use arash_fake_telegram::{FakeTelegram, Settings, Status};

use crate::running_bot::{RunningBot, texts};

/// A bot that is shown what mentions it.
async fn start() -> RunningBot {
    let telegram = FakeTelegram::start_with(Settings { has_privacy: false, ..Settings::default() }).await.unwrap();
    RunningBot::start_on(telegram, |_| {}).await
}

#[tokio::test]
async fn only_who_speaks_to_the_bot_is_answered() {
    let bot = start().await;
    let (ann, ben) = (bot.telegram.person("Ann"), bot.telegram.person("Ben"));
    let group = bot.telegram.supergroup("Friends", &[&ann, &ben]);
    let (ann, ben) = (ann.at(&group), ben.at(&group));
    ann.say("Good morning, all");
    let mention = ann.say("@arash_test_bot how are you?");
    let first = bot.answer(&ann, 1).await;
    assert_eq!((first.text(), first.reply_to), ("echo: how are you?", Some(mention)));
    let reply = ben.reply(first.id, "And me?");
    let second = bot.answer(&ben, 2).await;
    assert_eq!((second.text(), second.reply_to), ("echo: And me?", Some(reply)));
    ben.say("/help@other_bot");
    let command = ben.say("/help");
    assert_eq!(bot.answer(&ben, 3).await.reply_to, Some(command));
    assert_eq!(texts(&ann).len(), 3);
    bot.end().await;
}

#[tokio::test]
async fn each_topic_is_a_conversation_of_its_own() {
    let bot = start().await;
    let ann = bot.telegram.person("Ann");
    let group = bot.telegram.supergroup("Forum", &[&ann]);
    let (red, blue) = (group.topic("Red"), group.topic("Blue"));
    let (in_red, in_blue) = (ann.at(&red), ann.at(&blue));
    in_red.say("@arash_test_bot red");
    assert_eq!(bot.answer(&in_red, 1).await.topic_id, Some(red.id()));
    in_blue.say("@arash_test_bot blue");
    assert_eq!(bot.answer(&in_blue, 1).await.topic_id, Some(blue.id()));
    in_red.say("@arash_test_bot red again");
    bot.answer(&in_red, 2).await;
    let lengths: Vec<_> = bot.provider.requests().iter().map(|request| request.messages.len()).collect();
    assert_eq!(lengths, [1, 1, 3]);
    bot.end().await;
}

#[tokio::test]
async fn an_administrator_is_told_that_mentions_are_hidden() {
    let bot = RunningBot::start().await;
    let (ann, ben) = (bot.telegram.person("Ann"), bot.telegram.person("Ben"));
    let group = bot.telegram.supergroup("Friends", &[&ann, &ben]);
    let (ann, ben) = (ann.at(&group), ben.at(&group));
    ann.say("/status");
    assert!(bot.answer(&ann, 1).await.text().contains("Privacy mode is on"), "{:?}", texts(&ann));
    ben.say("/status");
    assert!(!bot.answer(&ben, 2).await.text().contains("Privacy mode"), "he administers nothing");
    bot.end().await;
}

#[tokio::test]
async fn a_bot_that_was_kicked_begins_anew_when_it_is_back() {
    let bot = start().await;
    let ann = bot.telegram.person("Ann");
    let group = bot.telegram.supergroup("Friends", &[&ann]);
    let here = ann.at(&group);
    here.say("@arash_test_bot one");
    bot.answer(&here, 1).await;
    group.set_bot(Status::Kicked);
    group.set_bot(Status::Member);
    bot.provider.push(Script::saying("Back"));
    here.say("@arash_test_bot two");
    bot.shows(&here, "Back").await;
    assert_eq!(bot.provider.requests()[1].messages.len(), 1);
    bot.end().await;
}

#[tokio::test]
async fn a_group_that_has_become_another_goes_on_there() {
    let bot = start().await;
    let ann = bot.telegram.person("Ann");
    let group = bot.telegram.group("Friends", &[&ann]);
    ann.at(&group).say("@arash_test_bot one");
    bot.answer(&ann.at(&group), 1).await;
    let there = ann.at(&group.migrate());
    there.say("@arash_test_bot two");
    bot.answer(&there, 1).await;
    bot.end().await;
}

#[tokio::test]
async fn a_topic_that_is_closed_is_left_alone_until_it_is_open_again() {
    let bot = start().await;
    let ann = bot.telegram.person("Ann");
    let group = bot.telegram.supergroup("Forum", &[&ann]);
    let topic = group.topic("Here");
    let here = ann.at(&topic);
    topic.close();
    here.say("@arash_test_bot one");
    bot.telegram.until(|telegram| (telegram.pending_updates() == 0).then_some(())).await.unwrap();
    bot.telegram.until(|telegram| telegram.calls_of("sendMessage").pop()).await.unwrap();
    topic.reopen();
    here.say("@arash_test_bot two");
    assert_eq!(bot.answer(&here, 1).await.text(), "echo: two");
    bot.end().await;
}
