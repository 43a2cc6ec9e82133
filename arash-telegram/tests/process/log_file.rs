//! The log in a file, and settings that mean nothing to a bot alone.

use std::fs::{read_to_string, write};

use arash_fake_telegram::FakeTelegram;

use crate::program::{Bot, program};

#[tokio::test]
async fn the_log_goes_to_the_file_as_well_to_its_last_line() {
    let (folder, telegram) = (tempfile::tempdir().unwrap(), FakeTelegram::start().await.unwrap());
    let mut command = program(folder.path(), &telegram);
    command.env("LOG_FILE", "logs/bot.log").env("LOG_FORMAT", "json");
    let bot = Bot::start(command).await;
    telegram.revoke_token();
    telegram.person("Ann").say("Hello");
    crate::health::health_with(&bot, "unhealthy").await;
    let (code, said) = bot.stop("-TERM").await;
    assert_eq!(code, Some(0), "{said}");
    let log = read_to_string(folder.path().join("logs/bot.log")).unwrap();
    let words = "Telegram refuses the token of the bot";
    assert!(log.contains(words) && said.contains(words), "{log}");
    assert!(!log.contains(telegram.token().split_once(':').unwrap().1));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (folder, telegram) = (tempfile::tempdir().unwrap(), FakeTelegram::start().await.unwrap());
    let mut command = program(folder.path(), &telegram);
    command.env("API_PORT", taken.local_addr().unwrap().port().to_string()).env("LOG_FILE", "bot.log");
    Bot::launch(command).await.err().unwrap();
    let log = read_to_string(folder.path().join("bot.log")).unwrap();
    assert!(log.contains("cannot listen on 127.0.0.1"), "{log}");
}

#[tokio::test]
async fn a_log_file_that_cannot_be_written_is_told_at_the_start() {
    let (folder, telegram) = (tempfile::tempdir().unwrap(), FakeTelegram::start().await.unwrap());
    write(folder.path().join("other"), "of somebody else").unwrap();
    let mut command = program(folder.path(), &telegram);
    command.env("LOG_FILE", "other/bot.log");
    let said = Bot::launch(command).await.err().unwrap();
    assert!(said.starts_with("arash-telegram: LOG_FILE: other/bot.log cannot be written"), "{said}");
}

#[tokio::test]
async fn settings_without_effect_are_told() {
    let (folder, telegram) = (tempfile::tempdir().unwrap(), FakeTelegram::start().await.unwrap());
    let mut command = program(folder.path(), &telegram);
    command.env("METRICS_TOKEN", "the-secret-of-the-figures").env("CORS_ORIGINS", "").env("TELEGRAM_DRAFTS", "true");
    command.arg("--enable-api-docs=true");
    let (code, said) = Bot::start(command).await.stop("-TERM").await;
    assert_eq!(code, Some(0));
    assert_eq!(said, "arash-telegram: without effect on a bot alone: ENABLE_API_DOCS, METRICS_TOKEN\n");
}
