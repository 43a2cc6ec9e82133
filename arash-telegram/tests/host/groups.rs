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
async fn those_who_can_change_it_are_told_that_mentions_are_hidden() {
    let telegram = FakeTelegram::start().await.unwrap();
    let people = ["Ann", "Ben", "Cleo", "Dan"].map(|name| telegram.person(name));
    let owner = people[3].id().to_string();
    let bot = RunningBot::start_on(telegram, |args| args.telegram_admin_users = Some(owner)).await;
    let group = bot.telegram.supergroup("Friends", &people.iter().collect::<Vec<_>>());
    group.set_member(&people[2], Status::Administrator);
    // She made the group, he is a member, she administers it, he administers the bot.
    for (number, (person, is_told)) in people.iter().zip([true, false, true, true]).enumerate() {
        let here = person.at(&group);
        here.say("/status");
        let said = bot.answer(&here, number + 1).await;
        assert_eq!(said.text().contains("Privacy mode is on"), is_told, "{}", said.text());
    }
    people[0].say("/status");
    assert!(!bot.answer(&people[0], 1).await.text().contains("Privacy mode"), "nothing is hidden there");
    bot.end().await;
}

#[tokio::test]
async fn where_mentions_are_seen_nobody_is_told_otherwise() {
    let bot = start().await;
    let ann = bot.telegram.person("Ann");
    let here = ann.at(&bot.telegram.supergroup("Friends", &[&ann]));
    here.say("/status@arash_test_bot");
    assert!(!bot.answer(&here, 1).await.text().contains("Privacy mode"), "{:?}", texts(&here));
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
