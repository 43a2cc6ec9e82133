//! What the program says of itself when Telegram refuses it, or somebody else takes its updates.

use std::time::Duration;

use arash_fake_telegram::{FakeTelegram, Fault};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::program::{Bot, client, program};

/// The health once its status is this one.
pub(crate) async fn health_with(bot: &Bot, status: &str) -> (u16, Value) {
    let begun = Instant::now();
    loop {
        let (code, health) = bot.health().await;
        if health["status"] == status {
            return (code, health);
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "its health is {health}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_token_that_is_refused_at_the_start_ends_the_program_with_one_line() {
    let (folder, telegram) = (tempfile::tempdir().unwrap(), FakeTelegram::start().await.unwrap());
    telegram.revoke_token();
    let output = program(folder.path(), &telegram).output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{said}");
    assert_eq!(
        said,
        "arash-telegram: Telegram refuses TELEGRAM_BOT_TOKEN: it is wrong, or was revoked; BotFather tells the right one\n"
    );
}

#[tokio::test]
async fn a_token_that_is_refused_later_ends_all_traffic() {
    let (folder, telegram) = (tempfile::tempdir().unwrap(), FakeTelegram::start().await.unwrap());
    let bot = Bot::start(program(folder.path(), &telegram)).await;
    let ann = telegram.person("Ann");
    ann.say("/start");
    telegram.until(|_| ann.messages_of_bot().pop()).await.unwrap();
    assert_eq!(health_with(&bot, "healthy").await.0, 200);
    telegram.revoke_token();
    ann.say("Are you there?");
    let (code, health) = health_with(&bot, "unhealthy").await;
    assert_eq!(code, 503, "{health}");
    sleep(Duration::from_secs(1)).await;
    let calls = telegram.calls().len();
    ann.say("And now?");
    sleep(Duration::from_secs(6)).await;
    assert_eq!(telegram.calls().len(), calls, "something is still sent");
    assert_eq!(bot.stop("-TERM").await.0, Some(0));
}

#[tokio::test]
async fn a_second_poller_is_told_of_and_does_not_end_the_program() {
    let (folder, telegram) = (tempfile::tempdir().unwrap(), FakeTelegram::start().await.unwrap());
    let bot = Bot::start(program(folder.path(), &telegram)).await;
    let polls = |telegram: &FakeTelegram| Some(()).filter(|()| !telegram.calls_of("getUpdates").is_empty());
    telegram.until(polls).await.unwrap();
    sleep(Duration::from_millis(200)).await;
    let other = format!("{}/bot{}/getUpdates", telegram.url(), telegram.token());
    let body = json!({"timeout": 1}).to_string();
    let poll = client().post(other).header("Content-Type", "application/json").body(body).send();
    assert_eq!(poll.await.unwrap().status().as_u16(), 200);
    let (code, health) = health_with(&bot, "degraded").await;
    assert_eq!(code, 200);
    assert!(health["detail"].as_str().unwrap().contains("terminated by other getUpdates request"), "{health}");
    let ann = telegram.person("Ann");
    ann.say("/start");
    telegram.until(|_| ann.messages_of_bot().pop()).await.unwrap();
    health_with(&bot, "healthy").await;
    assert_eq!(bot.stop("-TERM").await.0, Some(0));
}

#[tokio::test]
async fn its_health_is_told_while_telegram_cannot_be_reached() {
    let (folder, telegram) = (tempfile::tempdir().unwrap(), FakeTelegram::start().await.unwrap());
    telegram.fault(Fault::reset().on("getMe").always());
    let bot = Bot::start(program(folder.path(), &telegram)).await;
    let (code, health) = health_with(&bot, "degraded").await;
    assert_eq!((code, &health["bot"]), (200, &Value::Null), "{health}");
    telegram.mend();
    let ann = telegram.person("Ann");
    ann.say("/start");
    telegram.until(|_| ann.messages_of_bot().pop()).await.unwrap();
    assert_eq!(health_with(&bot, "healthy").await.1["bot"], json!("arash_test_bot"));
    assert_eq!(bot.stop("-TERM").await.0, Some(0));
}

#[tokio::test]
async fn it_can_be_ended_before_telegram_was_reached() {
    let (folder, telegram) = (tempfile::tempdir().unwrap(), FakeTelegram::start().await.unwrap());
    telegram.fault(Fault::reset().on("getMe").always());
    let bot = Bot::start(program(folder.path(), &telegram)).await;
    assert_eq!(bot.stop("-TERM").await.0, Some(0));
}
