//! The keyboard of models.

use arash_fake_telegram::{Message, Person};

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
    bot.telegram.fault(arash_fake_telegram::Fault::too_many_requests(60).on("editMessageText"));
    let press = ann.press(first.id, "M2").unwrap();
    assert_eq!(bot.telegram.until(|_| ann.answer(&press)).await.unwrap().text, "From now on M2 answers.");
    drop(bot);
}
