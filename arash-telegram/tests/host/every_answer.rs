//! The answers of `tests/markdown/answers`, as models write them: Telegram refuses none of them.

use std::path::Path;
use std::time::Duration;

use arash_core::settings::SettingsArgs;
use arash_core::testing::{Script, Step};

use crate::running_bot::RunningBot;

#[tokio::test]
async fn no_answer_of_a_model_is_refused_nor_said_twice() {
    assert_eq!(ask_for_all(false).await, 0);
}

#[tokio::test]
async fn as_rich_messages_none_is_refused_either() {
    assert!(ask_for_all(true).await > 10);
}

/// Asks for each of them; tells how many became rich messages.
async fn ask_for_all(has_rich_messages: bool) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/markdown/answers");
    let change = |args: &mut SettingsArgs| {
        args.telegram_rate_limit = Some("0".to_owned());
        args.telegram_rich_messages = Some(has_rich_messages.to_string());
    };
    let bot = RunningBot::start_with(change).await;
    // So many people at once are not what this is about.
    bot.telegram.control_floods(false);
    let mut people = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let source = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let middle = source.floor_char_boundary(source.len() / 2);
        let (first, rest) = source.split_at(middle);
        let pause = Step::Pause(Duration::from_millis(1_500));
        bot.provider.push(Script::new([Step::say(first), pause, Step::say(rest)]));
        let person = bot.telegram.person("Reader");
        person.say("Tell me");
        // The scripts are taken in the order of the questions.
        let asked = people.len() + 1;
        bot.telegram.until(|_| (bot.provider.calls() == asked).then_some(())).await.unwrap();
        people.push(person);
    }
    for person in &people {
        bot.answer(person, 1).await;
        let is_final = || person.messages_of_bot().iter().all(|message| message.keyboard.is_null()).then_some(());
        bot.telegram.until(|_| is_final()).await.unwrap();
    }
    for call in bot.telegram.calls() {
        assert_eq!(call.refused_with(), None, "{call:?}");
    }
    let messages: Vec<_> = people.iter().flat_map(arash_fake_telegram::Person::messages_of_bot).collect();
    for message in &messages {
        assert!(message.versions.len() <= 4, "{:?}", message.versions);
    }
    bot.end().await;
    messages.iter().filter(|message| message.is_rich()).count()
}
