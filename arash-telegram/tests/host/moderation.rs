//! Somebody deletes what the bot says, again and again.

use std::time::Duration;

use arash_core::testing::{Script, Step};
use arash_fake_telegram::Person;
use tokio::task::JoinSet;

use crate::running_bot::RunningBot;

/// Deletes every message of the bot in the chat of this person as soon as it is there.
fn moderate(person: &Person) -> JoinSet<()> {
    let (person, mut moderator) = (person.clone(), JoinSet::new());
    moderator.spawn(async move {
        loop {
            person.messages_of_bot().iter().for_each(|message| person.delete(message.id));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    moderator
}

#[tokio::test]
async fn what_is_deleted_each_time_is_said_once_more_and_left() {
    let bot = RunningBot::start().await;
    bot.provider.push(Script::new([Step::say("One"), Step::Pause(Duration::from_secs(1)), Step::say(" two")]));
    let ann = bot.telegram.person("Ann");
    let moderator = moderate(&ann);
    ann.say("Count");
    let is_said = |sent: &arash_fake_telegram::Call| sent.text("text") == "One two";
    let said = bot.telegram.until(|telegram| telegram.calls_of("sendMessage").into_iter().find(is_said)).await;
    assert!(said.is_some(), "{:?}", bot.telegram.calls_of("sendMessage"));
    drop(moderator);
    ann.say("And on?");
    bot.provider.push(Script::saying("Three"));
    bot.shows(&ann, "Three").await;
    let sent: Vec<_> = bot.telegram.calls_of("sendMessage").iter().map(|call| call.text("text")).collect();
    assert_eq!(sent, ["…", "…", "…", "One two", "…"], "two take the place of the first, then it is said");
    bot.end().await;
}
