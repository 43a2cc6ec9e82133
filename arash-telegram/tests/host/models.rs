//! The keyboard of models.

use std::time::{Duration, Instant};

use arash_core::testing::{Script, Step};
use arash_fake_telegram::{Fault, Message, Person};

use crate::running_bot::RunningBot;

async fn start() -> RunningBot {
    let models: Vec<_> = (1..=10).map(|number| format!("m{number}")).collect();
    RunningBot::start_with(|args| args.telegram_models = Some(models.join(","))).await
}

fn buttons(message: &Message) -> Vec<String> {
    message.buttons().into_iter().flatten().map(|button| button.text).collect()
}

async fn keyboard(bot: &RunningBot, person: &Person, is_it: impl Fn(&[String]) -> bool) -> Message {
    let look = || person.messages_of_bot().into_iter().find(|message| is_it(&buttons(message)));
    bot.telegram.until(|_| look()).await.unwrap()
}

#[tokio::test]
async fn a_model_is_chosen_on_a_page() {
    let bot = start().await;
    let ann = bot.telegram.person("Ann");
    ann.say("/model");
    let first = keyboard(&bot, &ann, |buttons| buttons.len() == 9).await;
    assert_eq!(first.text(), "Which model should answer? (page 1 of 2)");
    assert_eq!((buttons(&first)[0].as_str(), buttons(&first)[8].as_str()), ("✓ M1", "Next"));
    ann.press(first.id, "Next").unwrap();
    let second = keyboard(&bot, &ann, |buttons| buttons.len() == 3).await;
    assert_eq!(buttons(&second), ["M9", "M10", "Previous"]);
    let press = ann.press(second.id, "M10").unwrap();
    let chosen = keyboard(&bot, &ann, |buttons| buttons == ["M9", "✓ M10", "Previous"]).await;
    assert_eq!(chosen.id, first.id, "all of it is one message");
    assert_eq!(ann.answer(&press).unwrap().text, "From now on M10 answers.");
    ann.say("Hello");
    bot.shows(&ann, "echo: Hello").await;
    assert_eq!(bot.provider.requests()[0].model.as_str(), "m10");
    bot.end().await;
}

#[tokio::test]
async fn buttons_of_models_that_are_no_more_are_told_to_be_old() {
    let bot = start().await;
    let ann = bot.telegram.person("Ann");
    ann.say("/model");
    let first = keyboard(&bot, &ann, |buttons| buttons.len() == 9).await;
    let bot = bot.restart_with(|args| args.telegram_models = Some("other".to_owned())).await;
    let press = ann.press(first.id, "M2").unwrap();
    let told = bot.telegram.until(|_| ann.answer(&press)).await.unwrap();
    assert_eq!(told.text, "This button does not work any more. Please send the command again.");
    bot.end().await;
}

#[tokio::test]
async fn a_press_is_answered_although_the_chat_has_to_wait() {
    let bot = start().await;
    let ann = bot.telegram.person("Ann");
    ann.say("/model");
    let first = keyboard(&bot, &ann, |buttons| buttons.len() == 9).await;
    bot.telegram.fault(Fault::too_many_requests(60).on("editMessageText"));
    let press = ann.press(first.id, "M2").unwrap();
    assert_eq!(bot.telegram.until(|_| ann.answer(&press)).await.unwrap().text, "From now on M2 answers.");
    drop(bot);
}

#[tokio::test]
async fn a_press_is_answered_although_an_answer_is_being_written() {
    let bot = start().await;
    let ann = bot.telegram.person("Ann");
    ann.say("/model");
    let first = keyboard(&bot, &ann, |buttons| buttons.len() == 9).await;
    bot.provider.push(Script::new([Step::say("One"), Step::Hang]));
    ann.say("Count");
    bot.shows(&ann, "One").await;
    let pressed = Instant::now();
    let press = ann.press(first.id, "M2").unwrap();
    assert_eq!(bot.telegram.until(|_| ann.answer(&press)).await.unwrap().text, "From now on M2 answers.");
    assert!(pressed.elapsed() < Duration::from_secs(2), "{:?}", pressed.elapsed());
    ann.say("/stop");
    keyboard(&bot, &ann, |buttons| buttons.iter().any(|text| text == "✓ M2")).await;
    bot.end().await;
}

#[tokio::test]
async fn a_keyboard_that_shows_what_was_pressed_is_left_as_it_is() {
    let bot = start().await;
    let ann = bot.telegram.person("Ann");
    ann.say("/model");
    let first = keyboard(&bot, &ann, |buttons| buttons.len() == 9).await;
    let before = bot.telegram.calls_of("editMessageText").len();
    for button in ["✓ M1", "✓ M1"] {
        let press = ann.press(first.id, button).unwrap();
        assert_eq!(bot.telegram.until(|_| ann.answer(&press)).await.unwrap().text, "From now on M1 answers.");
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(bot.telegram.calls_of("editMessageText").len(), before);
    bot.end().await;
}

#[tokio::test]
async fn of_many_presses_only_the_last_is_shown_in_the_end() {
    let bot = start().await;
    let ann = bot.telegram.person("Ann");
    ann.say("/model");
    let first = keyboard(&bot, &ann, |buttons| buttons.len() == 9).await;
    let before = bot.telegram.calls_of("editMessageText").len();
    let presses: Vec<_> = ["M2", "M3", "M4", "M5"].iter().cycle().take(40).collect();
    let presses: Vec<_> = presses.iter().map(|button| ann.press(first.id, button).unwrap()).collect();
    for press in presses {
        bot.telegram.until(|_| ann.answer(&press)).await.unwrap();
    }
    bot.telegram.until(|telegram| (telegram.pending_updates() == 0).then_some(())).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let edits = bot.telegram.calls_of("editMessageText").len() - before;
    assert!((1..=8).contains(&edits), "{edits}");
    bot.end().await;
}
