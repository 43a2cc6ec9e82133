//! A program that is killed while it says a sentence of its own.

use std::time::Duration;

use arash_fake_telegram::{FakeTelegram, Fault, Person};
use tokio::time::sleep;

use crate::program::{Bot, program};

/// How often the bot says something that begins so.
fn count(person: &Person, start: &str) -> usize {
    person.messages_of_bot().iter().filter(|message| message.text().starts_with(start)).count()
}

#[tokio::test]
async fn what_is_said_when_the_program_dies_is_said_once() {
    let sentences = [
        ("/stop", "There is nothing to stop"),
        ("/retry", "There is no message yet"),
        ("/model", "Which model should answer"),
    ];
    for method in ["sendMessage", "editMessageText"] {
        let (folder, telegram) = (tempfile::tempdir().unwrap(), FakeTelegram::start().await.unwrap());
        // Done, but Telegram has not said so when the program dies.
        telegram.fault(Fault::slow(Duration::from_secs(30)).on(method).times(sentences.len()));
        let bot = Bot::start(program(folder.path(), &telegram)).await;
        let asked = sentences.map(|(command, sentence)| {
            let person = telegram.person("Ann");
            person.say(command);
            (person, sentence)
        });
        let is_done = |telegram: &FakeTelegram| {
            let calls = telegram.calls_of(method);
            Some(()).filter(|()| calls.iter().filter(|call| call.outcome.is_some()).count() == sentences.len())
        };
        assert!(telegram.until(is_done).await.is_some(), "{method}");
        bot.kill().await;
        let bot = Bot::start(program(folder.path(), &telegram)).await;
        for (person, sentence) in &asked {
            let said = |_: &FakeTelegram| Some(()).filter(|()| count(person, sentence) > 0);
            assert!(telegram.until(said).await.is_some(), "{sentence}: {:?}", person.messages_of_bot());
        }
        sleep(Duration::from_secs(2)).await;
        for (person, sentence) in &asked {
            assert_eq!(count(person, sentence), 1, "{method}: {:?}", person.messages_of_bot());
        }
        assert_eq!(bot.stop("-TERM").await.0, Some(0));
    }
}
