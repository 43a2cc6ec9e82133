//! Very many people who ask at once.

use std::time::Duration;

use arash_core::testing::{Script, Step};
use arash_fake_telegram::Person;
use tokio::time::sleep;

use crate::running_bot::RunningBot;

#[tokio::test]
async fn a_thousand_are_answered_at_once_and_the_others_wait_as_they_came() {
    let bot = RunningBot::start().await;
    bot.provider.push(Script::new([Step::Hang]));
    let people: Vec<Person> = (0..1_010).map(|number| bot.telegram.person(&format!("Person {number}"))).collect();
    let (first, late) = people.split_at(1_000);
    for person in first {
        person.say("Hello");
    }
    bot.telegram.until(|_| (bot.provider.running() == 1_000).then_some(())).await.unwrap();
    let asked: Vec<_> = late.iter().map(|person| person.say("Hello")).collect();
    bot.telegram.until(|telegram| (telegram.pending_updates() == 0).then_some(())).await.unwrap();
    sleep(Duration::from_millis(300)).await;
    assert_eq!(bot.provider.calls(), 1_000);
    // What waits can still be changed.
    late[0].edit(asked[0], "Goodbye").unwrap();
    bot.telegram.until(|telegram| (telegram.pending_updates() == 0).then_some(())).await.unwrap();
    sleep(Duration::from_millis(300)).await;
    // Whoever makes room is followed.
    for person in first.iter().take(10) {
        person.say("/stop");
    }
    bot.telegram.until(|_| (bot.provider.calls() == 1_010).then_some(())).await.unwrap();
    let is_asked = |text: &str| {
        bot.provider.requests().iter().filter(|it| it.newest().is_some_and(|it| &*it.text == text)).count()
    };
    assert_eq!((is_asked("Hello"), is_asked("Goodbye")), (1_009, 1));
}
