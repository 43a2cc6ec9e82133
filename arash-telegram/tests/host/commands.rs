//! Commands: the engine's and the host's own.

use arash_core::testing::Script;
use arash_fake_telegram::FakeTelegram;

use crate::running_bot::{RunningBot, texts};

#[tokio::test]
async fn a_person_is_welcomed_in_his_language() {
    let bot = RunningBot::start().await;
    let (ann, fariba) = (bot.telegram.person_speaking("Ann", "en"), bot.telegram.person_speaking("Fariba", "fa"));
    ann.say("/start");
    fariba.say("/start");
    assert!(bot.answer(&ann, 1).await.text().starts_with("Hello! I'm an AI assistant."));
    let persian = bot.answer(&fariba, 1).await;
    assert!(persian.text().contains("سلام"), "{}", persian.text());
    assert_eq!(bot.provider.calls(), 0);
    bot.end().await;
}

#[tokio::test]
async fn help_lists_the_commands_of_the_host_too() {
    let bot = RunningBot::start().await;
    let ann = bot.telegram.person("Ann");
    ann.say("/help");
    let help = bot.answer(&ann, 1).await;
    for line in ["/stop - Stop the answer", "/retry - Answer the last", "/model [name] - Show or change", "/clear - "] {
        assert!(help.text().contains(line), "{line}: {}", help.text());
    }
    bot.end().await;
}

#[tokio::test]
async fn only_the_commands_that_were_named_work() {
    let bot = RunningBot::start_with(|args| args.telegram_commands = Some("start,help".to_owned())).await;
    let ann = bot.telegram.person("Ann");
    for (number, command) in ["/retry", "/model", "/stats", "/clear"].iter().enumerate() {
        ann.say(command);
        let said = bot.answer(&ann, number + 1).await;
        let sentences = [format!("{command} does not work here."), format!("There is no command {command}.")];
        assert!(sentences.iter().any(|sentence| said.text().starts_with(sentence)), "{}", said.text());
    }
    ann.say("/stop");
    assert!(bot.answer(&ann, 5).await.text().starts_with("There is nothing to stop"), "it always works");
    let offered = bot.telegram.commands("default", "");
    let names: Vec<_> = offered.iter().map(|command| command.name.as_str()).collect();
    assert_eq!(names, ["start", "help"]);
    bot.end().await;
}

#[tokio::test]
async fn an_unknown_command_gets_a_hint() {
    let bot = RunningBot::start().await;
    let ann = bot.telegram.person("Ann");
    ann.say("/dance");
    let said = bot.answer(&ann, 1).await;
    assert!(said.text().starts_with("There is no command /dance."), "{}", said.text());
    assert!(said.text().contains("/help"));
    bot.end().await;
}

#[tokio::test]
async fn numbers_are_for_administrators() {
    let telegram = FakeTelegram::start().await.unwrap();
    let (ann, ben) = (telegram.person("Ann"), telegram.person("Ben"));
    let bot = RunningBot::start_on(telegram, |args| args.telegram_admin_users = Some(ann.id().to_string())).await;
    ann.say("Hello");
    bot.answer(&ann, 1).await;
    ann.say("/stats");
    let stats = bot.answer(&ann, 2).await;
    assert!(stats.text().starts_with("Conversations: 1\nMessages: 1\nRunning for: "), "{}", stats.text());
    ben.say("/stats");
    let said = bot.answer(&ben, 1).await;
    assert_eq!(said.text(), "I don't know this command. What I know: /help");
    let offers = |scope: &str| bot.telegram.commands(scope, "").into_iter().any(|command| command.name == "stats");
    bot.telegram.until(|_| offers(&format!("chat:{}", ann.chat_id())).then_some(())).await.unwrap();
    assert!(!offers("default"));
    bot.end().await;
}

#[tokio::test]
async fn a_cleared_conversation_is_not_remembered() {
    let bot = RunningBot::start().await;
    let ann = bot.telegram.person("Ann");
    ann.say("My name is Ann");
    bot.answer(&ann, 1).await;
    ann.say("/clear");
    assert_eq!(bot.answer(&ann, 2).await.text(), "The conversation is cleared. I remember nothing of it.");
    ann.say("/retry");
    assert!(bot.answer(&ann, 3).await.text().starts_with("There is no message yet"), "{:?}", texts(&ann));
    ann.say("Who am I?");
    bot.answer(&ann, 4).await;
    assert_eq!(bot.provider.requests()[1].messages.len(), 1);
    bot.end().await;
}

#[tokio::test]
async fn commands_are_registered_although_telegram_fails_at_first() {
    let telegram = FakeTelegram::start().await.unwrap();
    telegram.fault(arash_fake_telegram::Fault::reset().on("setMyCommands").times(2));
    let bot = RunningBot::start_on(telegram, |_| {}).await;
    bot.provider.push(Script::saying("Hello"));
    for language in ["", "fa", "ru"] {
        let found = bot.telegram.until(|telegram| telegram.commands("default", language).first().cloned()).await;
        assert!(found.is_some(), "{language:?}");
    }
    bot.end().await;
}
