//! Chats in which nothing can be said any more: what runs there is stopped, what was said is forgotten, nobody is alarmed.

use std::sync::Arc;
use std::time::Duration;

use arash_core::session::SessionKey;
use arash_core::testing::{Script, Step};
use arash_fake_telegram::{FakeTelegram, Fault, Group, Person, Settings, Status};
use tokio::sync::Notify;

use crate::log::Complaints;
use crate::running_bot::RunningBot;

/// A bot that is shown what mentions it.
async fn start() -> RunningBot {
    let telegram = FakeTelegram::start_with(Settings { has_privacy: false, ..Settings::default() }).await.unwrap();
    RunningBot::start_on(telegram, |_| {}).await
}

/// Somebody is being answered without end.
async fn is_answered(bot: &RunningBot, person: &Person) {
    let running = bot.provider.running();
    bot.provider.push(Script::new([Step::say("One"), Step::Hang]));
    person.say("@arash_test_bot count");
    bot.telegram.until(|_| (bot.provider.running() == running + 1).then_some(())).await.unwrap();
    bot.shows(person, "One").await;
}

/// Waits until nothing is being answered.
async fn is_quiet(bot: &RunningBot) {
    bot.telegram.until(|_| (bot.provider.running() == 0).then_some(())).await.unwrap();
}

/// Waits until nothing of this conversation is kept.
async fn is_closed(bot: &RunningBot, chat: &str) {
    let key = SessionKey::public("telegram", chat);
    for _ in 0..100 {
        if bot.engine.sessions().get(&key).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    unreachable!("the conversation {chat} is still open");
}

/// Asks once more; what is answered then is the first of a conversation.
async fn begins_anew(bot: &RunningBot, person: &Person) {
    bot.provider.push(Script::saying("Here I am"));
    person.say("@arash_test_bot hello?");
    bot.shows(person, "Here I am").await;
    assert_eq!(bot.provider.requests().last().unwrap().messages.len(), 1);
}

#[tokio::test]
async fn a_person_who_blocks_the_bot_is_answered_no_more_until_he_wants_to_be() {
    let (complaints, bot) = (Complaints::listen(), start().await);
    let ann = bot.telegram.person("Ann");
    is_answered(&bot, &ann).await;
    ann.block_bot();
    is_quiet(&bot).await;
    is_closed(&bot, &ann.chat_id().to_string()).await;
    ann.unblock_bot();
    begins_anew(&bot, &ann).await;
    assert_eq!(complaints.all(), "");
    bot.end().await;
}

#[tokio::test]
async fn a_group_that_throws_the_bot_out_is_answered_no_more_until_it_is_back() {
    for status in [Status::Kicked, Status::Left] {
        let (complaints, bot) = (Complaints::listen(), start().await);
        let ann = bot.telegram.person("Ann");
        let group = bot.telegram.group("Friends", &[&ann]);
        let here = ann.at(&group);
        is_answered(&bot, &here).await;
        group.set_bot(status);
        is_quiet(&bot).await;
        is_closed(&bot, &group.id().to_string()).await;
        group.set_bot(Status::Member);
        begins_anew(&bot, &here).await;
        assert_eq!(complaints.all(), "");
        bot.end().await;
    }
}

fn forum(bot: &RunningBot) -> (Person, Group) {
    let ann = bot.telegram.person("Ann");
    let group = bot.telegram.supergroup("Forum", &[&ann]);
    (ann, group)
}

#[tokio::test]
async fn all_topics_of_a_forum_are_closed_with_it() {
    let (complaints, bot) = (Complaints::listen(), start().await);
    let (ann, group) = forum(&bot);
    let (red, blue) = (group.topic("Red"), group.topic("Blue"));
    let neighbours = bot.telegram.supergroup("Others", &[&ann]);
    let there = ann.at(&neighbours.topic("Green"));
    for person in [&ann.at(&red), &ann.at(&blue), &there] {
        bot.provider.push(Script::saying("Hello"));
        person.say("@arash_test_bot hello");
        bot.shows(person, "Hello").await;
        is_answered(&bot, person).await;
    }
    group.set_bot(Status::Kicked);
    bot.telegram.until(|_| (bot.provider.running() == 1).then_some(())).await.unwrap();
    for topic in [&red, &blue] {
        is_closed(&bot, &format!("{}:{}", group.id(), topic.id())).await;
    }
    there.say("/stop");
    bot.shows(&there, "One\n\nStopped.").await;
    assert_eq!(complaints.all(), "");
    bot.end().await;
}

#[tokio::test]
async fn topics_that_an_earlier_program_answered_in_are_closed_too() {
    let bot = start().await;
    let (ann, group) = forum(&bot);
    let topic = group.topic("Red");
    ann.at(&topic).say("@arash_test_bot hello");
    bot.answer(&ann.at(&topic), 1).await;
    let bot = bot.restart().await;
    let chat = format!("{}:{}", group.id(), topic.id());
    assert!(bot.engine.sessions().get(&SessionKey::public("telegram", &chat)).await.is_ok());
    group.set_bot(Status::Kicked);
    is_closed(&bot, &chat).await;
    bot.end().await;
}

#[tokio::test]
async fn a_topic_that_is_deleted_ends_its_answer_and_no_other() {
    let (complaints, bot) = (Complaints::listen(), start().await);
    let (ann, group) = forum(&bot);
    let (red, blue) = (group.topic("Red"), group.topic("Blue"));
    let (in_red, in_blue) = (ann.at(&red), ann.at(&blue));
    let go = Arc::new(Notify::new());
    bot.provider.push(Script::new([Step::say("One"), Step::WaitFor(Arc::clone(&go)), Step::say(" two")]));
    in_red.say("@arash_test_bot count");
    bot.shows(&in_red, "One").await;
    is_answered(&bot, &in_blue).await;
    red.delete();
    go.notify_one();
    bot.telegram.until(|_| (bot.provider.running() == 1).then_some(())).await.unwrap();
    is_closed(&bot, &format!("{}:{}", group.id(), red.id())).await;
    in_blue.say("/stop");
    bot.shows(&in_blue, "One\n\nStopped.").await;
    assert_eq!(complaints.all(), "");
    bot.end().await;
}

#[tokio::test]
async fn an_answer_that_cannot_even_begin_to_be_shown_is_not_written() {
    let (complaints, bot) = (Complaints::listen(), start().await);
    let ann = bot.telegram.person("Ann");
    let gone = Fault::refusal(403, "Forbidden: bot was blocked by the user");
    bot.telegram.fault(gone.on("sendMessage").always());
    bot.provider.push(Script::new([Step::Hang]));
    ann.say("Count");
    bot.telegram.until(|telegram| telegram.calls_of("sendMessage").pop()).await.unwrap();
    is_quiet(&bot).await;
    is_closed(&bot, &ann.chat_id().to_string()).await;
    assert_eq!(complaints.all(), "");
    bot.end().await;
}
