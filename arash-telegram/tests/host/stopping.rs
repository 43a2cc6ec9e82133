//! Answers that somebody stops.

use std::time::{Duration, Instant};

use arash_core::testing::{Script, Step};
use arash_fake_telegram::{Fault, Person};

use crate::running_bot::{RunningBot, texts};

const SOON: Duration = Duration::from_secs(1);

/// Says the script's first words, and then nothing for long.
fn endless(words: &str) -> Script {
    Script::new([Step::say(words), Step::Hang])
}

async fn is_writing(bot: &RunningBot, person: &Person) {
    bot.telegram.until(|_| (bot.provider.running() > 0).then_some(())).await.unwrap();
    bot.shows(person, "One two").await;
}

#[tokio::test]
async fn a_command_stops_what_is_being_written_within_a_second() {
    let bot = RunningBot::start().await;
    bot.provider.push(endless("One two"));
    let ann = bot.telegram.person("Ann");
    ann.say("Count");
    is_writing(&bot, &ann).await;
    let asked = Instant::now();
    ann.say("/stop");
    let answer = bot.answer(&ann, 1).await;
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    assert_eq!(answer.text(), "One two\n\nStopped.");
    assert_eq!(texts(&ann).len(), 1, "nothing else is said of it");
    bot.end().await;
}

#[tokio::test]
async fn it_is_stopped_in_a_group_too() {
    let bot = RunningBot::start().await;
    bot.provider.push(endless("One two"));
    let ann = bot.telegram.person("Ann");
    let here = ann.at(&bot.telegram.group("Friends", &[&ann]));
    here.say("/start");
    bot.answer(&here, 1).await;
    let question = here.reply(bot.answer(&here, 1).await.id, "Count");
    is_writing(&bot, &here).await;
    let asked = Instant::now();
    here.say("/stop@arash_test_bot");
    let answer = bot.answer(&here, 2).await;
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    assert_eq!((answer.text(), answer.reply_to), ("One two\n\nStopped.", Some(question)));
    bot.end().await;
}

#[tokio::test]
async fn what_has_not_said_a_word_is_stopped_as_well() {
    let bot = RunningBot::start().await;
    bot.provider.push(Script::new([Step::Hang]));
    let ann = bot.telegram.person("Ann");
    ann.say("Think");
    let placeholder = bot.shows(&ann, "…").await;
    assert_eq!(placeholder.buttons()[0][0].text, "Stop");
    let asked = Instant::now();
    let press = ann.press(placeholder.id, "Stop").unwrap();
    assert_eq!(bot.answer(&ann, 1).await.text(), "Stopped.");
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    let told = bot.telegram.until(|_| ann.answer(&press)).await.unwrap();
    assert_eq!(told.text, "Stopped.");
    bot.end().await;
}

#[tokio::test]
async fn where_nothing_is_written_there_is_nothing_to_stop() {
    let bot = RunningBot::start().await;
    let (ann, darya) = (bot.telegram.person("Ann"), bot.telegram.person_speaking("Darya", "ru"));
    ann.say("/stop");
    assert_eq!(bot.answer(&ann, 1).await.text(), "There is nothing to stop: I am not writing an answer.");
    darya.say("/stop");
    let said = bot.answer(&darya, 1).await;
    assert!(said.text().chars().any(|letter| ('а'..='я').contains(&letter)), "{}", said.text());
    bot.end().await;
}

#[tokio::test]
async fn an_answer_is_stopped_although_nothing_of_it_can_be_shown_yet() {
    let bot = RunningBot::start().await;
    bot.provider.push(Script::new([Step::Hang]));
    let ann = bot.telegram.person("Ann");
    bot.telegram.fault(Fault::too_many_requests(4).on("sendMessage"));
    ann.say("Think");
    bot.telegram.until(|telegram| telegram.calls_of("sendMessage").pop()).await.unwrap();
    let asked = Instant::now();
    ann.say("/stop");
    bot.telegram.until(|_| (bot.provider.running() == 0).then_some(())).await.unwrap();
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    assert_eq!(bot.answer(&ann, 1).await.text(), "Stopped.");
    assert_eq!(texts(&ann).len(), 1);
    bot.end().await;
}

#[tokio::test]
async fn a_press_is_answered_although_telegram_fails_at_first() {
    let bot = RunningBot::start().await;
    bot.provider.push(endless("One two"));
    let ann = bot.telegram.person("Ann");
    ann.say("Count");
    let preview = bot.shows(&ann, "One two").await;
    bot.telegram.fault(Fault::reset().on("answerCallbackQuery"));
    let press = ann.press(preview.id, "Stop").unwrap();
    assert_eq!(bot.telegram.until(|_| ann.answer(&press)).await.unwrap().text, "Stopped.");
    bot.end().await;
}

#[tokio::test]
async fn the_button_of_an_older_message_stops_nothing_and_goes() {
    let bot = RunningBot::start().await;
    bot.provider.push(endless("One two"));
    let ann = bot.telegram.person("Ann");
    // It was sent, but nobody was told: another one takes its place.
    bot.telegram.fault(Fault::lost_reply().on("sendMessage"));
    ann.say("Count");
    is_writing(&bot, &ann).await;
    let messages = ann.messages_of_bot();
    let [older, newer] = messages.as_slice() else { unreachable!("{messages:?}") };
    let press = ann.press(older.id, "Stop").unwrap();
    let told = bot.telegram.until(|_| ann.answer(&press)).await.unwrap();
    assert_eq!(told.text, "There is nothing to stop: I am not writing an answer.");
    let bare = || ann.messages_of_bot().first().is_some_and(|it| it.id == older.id && it.keyboard.is_null());
    bot.telegram.until(|_| bare().then_some(())).await.unwrap();
    assert_eq!((bot.provider.running(), texts(&ann)), (1, vec!["…".to_owned(), "One two".to_owned()]));
    ann.press(newer.id, "Stop").unwrap();
    bot.shows(&ann, "One two\n\nStopped.").await;
    bot.end().await;
}
