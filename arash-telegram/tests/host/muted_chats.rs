//! Chats in which the bot may not write: what nobody can read is not written, and nobody is alarmed.

use std::time::Duration;

use arash_core::testing::{Script, Step};
use arash_core::usage::{TokenUsage, UsageFilter, UsagePage};
use arash_fake_telegram::{FakeTelegram, Fault, Person, Settings};

use crate::log::Complaints;
use crate::running_bot::RunningBot;

/// A bot that is shown what mentions it.
async fn start() -> RunningBot {
    let telegram = FakeTelegram::start_with(Settings { has_privacy: false, ..Settings::default() }).await.unwrap();
    RunningBot::start_on(telegram, |_| {}).await
}

/// An answer that goes on without end.
fn endless() -> Script {
    let used = TokenUsage { prompt_tokens: 7, completion_tokens: 3, estimated: false };
    Script::new([Step::Usage(used), Step::say("One"), Step::Hang])
}

/// Waits until the service is asked and left again, which is soon; what it was used for is recorded.
async fn is_left_at_once(bot: &RunningBot) {
    bot.telegram.until(|_| (bot.provider.calls() == 1).then_some(())).await.unwrap();
    let left = bot.telegram.until(|_| (bot.provider.running() == 0).then_some(()));
    tokio::time::timeout(Duration::from_secs(3), left).await.unwrap().unwrap();
    let page = UsagePage { before: None, limit: 10 };
    for _ in 0..100 {
        let records = bot.engine.usage().recent(UsageFilter::default(), page).await.unwrap();
        if let [record] = records.as_slice() {
            assert!(record.tokens.total() > 0, "{record:?}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    unreachable!("nothing tells what was used");
}

async fn ask_where(refusals: &[Fault], ask: impl FnOnce(&RunningBot) -> Person) {
    let (complaints, bot) = (Complaints::listen(), start().await);
    bot.provider.push(endless());
    for refusal in refusals {
        bot.telegram.fault(refusal.clone().always());
    }
    let person = ask(&bot);
    is_left_at_once(&bot).await;
    bot.telegram.mend();
    bot.provider.push(Script::saying("Here I am"));
    person.say("@arash_test_bot hello?");
    bot.shows(&person, "Here I am").await;
    assert_eq!(complaints.all(), "");
    bot.end().await;
}

#[tokio::test]
async fn in_a_group_that_muted_the_bot_the_service_is_left_at_once() {
    for words in [
        "Bad Request: not enough rights to send text messages to the chat",
        "Bad Request: CHAT_SEND_PLAIN_FORBIDDEN",
        "Bad Request: TOPIC_CLOSED",
    ] {
        ask_where(&[Fault::refusal(400, words).on("sendMessage")], |bot| {
            let ann = bot.telegram.person("Ann");
            let here = ann.at(&bot.telegram.supergroup("Friends", &[&ann]));
            here.say("@arash_test_bot count");
            here
        })
        .await;
    }
}

#[tokio::test]
async fn of_who_blocked_the_bot_the_service_is_left_at_once() {
    let blocked = || Fault::refusal(403, "Forbidden: bot was blocked by the user");
    for methods in [&["sendMessage"][..], &["sendChatAction"], &["sendMessage", "sendChatAction"]] {
        let refusals: Vec<_> = methods.iter().map(|method| blocked().on(method)).collect();
        ask_where(&refusals, |bot| {
            let ann = bot.telegram.person("Ann");
            ann.say("Count");
            ann
        })
        .await;
    }
}
