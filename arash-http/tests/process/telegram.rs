//! The bot on Telegram beside the API: one program, one engine, one database, one port.

use std::fs::{File, read_to_string};
use std::path::Path;
use std::time::Duration;

use arash_fake_telegram::{Call, FakeTelegram, Fault, Person};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::program::{Host, answer, client, program};
use crate::slow_upstream::{SlowUpstream, question};

const ADMIN: &str = "the-key-of-the-test-of-telegram-which-is-long-enough";

fn with_bot(folder: &Path, telegram: &FakeTelegram, upstream: &SlowUpstream) -> Command {
    let mut command = program(folder);
    command.env("INTERNAL_API_KEY", ADMIN).env("AI_SERVICE_URL", upstream.url()).env("RUN_TELEGRAM_BOT", "true");
    command.env("TELEGRAM_BOT_TOKEN", telegram.token()).env("TELEGRAM_API_URL", telegram.url());
    command
}

async fn health(host: &Host) -> (u16, Value) {
    answer(client().get(format!("{}/health", host.address))).await
}

/// Whether the bot says this to somebody.
async fn is_told(telegram: &FakeTelegram, person: &Person, words: &str) -> bool {
    let told = |_: &FakeTelegram| person.messages_of_bot().into_iter().find(|said| said.text().contains(words));
    telegram.until(told).await.is_some()
}

#[tokio::test]
async fn the_bot_and_the_api_answer_from_one_program() {
    let (folder, telegram) = (tempfile::tempdir().unwrap(), FakeTelegram::start().await.unwrap());
    let upstream = SlowUpstream::start().await;
    let host = Host::start(with_bot(folder.path(), &telegram, &upstream)).await;
    let ann = telegram.person_speaking("Ann", "ru");
    ann.say(&question("of Ann", Duration::ZERO, false));
    assert!(is_told(&telegram, &ann, "asks for is done").await);
    ann.say("/start");
    assert!(is_told(&telegram, &ann, "Привет").await || is_told(&telegram, &ann, "Здравствуйте").await);
    let (status, reply) = host.chat(ADMIN, "/help").await;
    assert_eq!(status, 200, "{reply}");
    assert!(reply["response"].as_str().unwrap().is_ascii(), "without a language it is English: {reply}");
    let (status, told) = health(&host).await;
    assert_eq!((status, &told["status"], &told["components"]["telegram"]), (200, &json!("healthy"), &json!("healthy")));
    assert!(folder.path().join("arash.db").exists());
    assert_eq!(host.stop("-TERM").await.0, Some(0));
}

#[tokio::test]
async fn both_finish_what_they_began_when_they_are_told_to_stop() {
    let (folder, telegram) = (tempfile::tempdir().unwrap(), FakeTelegram::start().await.unwrap());
    let upstream = SlowUpstream::start().await;
    let host = Host::start(with_bot(folder.path(), &telegram, &upstream)).await;
    let ann = telegram.person("Ann");
    ann.say(&question("of Ann", Duration::from_secs(3), false));
    telegram.until(|_| ann.messages_of_bot().pop()).await.unwrap();
    // Nobody is at the API: it would end at once.
    let (code, said) = host.stop("-TERM").await;
    assert_eq!(code, Some(0), "{said}");
    let shown: Vec<_> = ann.messages_of_bot().iter().map(|message| message.text().to_owned()).collect();
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert!(shown[0].contains("asks for is done"), "{shown:?}");
}

#[tokio::test]
async fn updates_are_brought_to_the_port_of_the_api() {
    let (folder, telegram) = (tempfile::tempdir().unwrap(), FakeTelegram::start().await.unwrap());
    let upstream = SlowUpstream::start().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = with_bot(folder.path(), &telegram, &upstream);
    command.env("API_PORT", port.to_string()).env("TELEGRAM_WEBHOOK_URL", format!("http://127.0.0.1:{port}"));
    let log = folder.path().join("log");
    command.env("LOG_LEVEL", "trace").stderr(File::create(&log).unwrap());
    let mut host = Host::start(command).await;
    let ann = telegram.person("Ann");
    ann.say(&question("of Ann", Duration::ZERO, false));
    assert!(is_told(&telegram, &ann, "asks for is done").await);
    let set = telegram.calls_of("setWebhook").into_iter().find(Call::succeeded).unwrap();
    let refused = client().post(set.text("url")).body("{}").send().await.unwrap();
    let nothing = client().post(format!("{}/telegram/nothing", host.address)).body("{}").send().await.unwrap();
    assert_eq!((refused.status(), nothing.status()), (nothing.status(), 404.try_into().unwrap()));
    host.child.kill().await.unwrap();
    let (logged, token) = (read_to_string(&log).unwrap(), telegram.token());
    assert!(!logged.contains(token.split_once(':').unwrap().1), "the token is in the log");
    assert!(!logged.contains(&set.text("secret_token")), "the secret of the webhook is in the log");
    let (_, path) =
        set.text("url").split_once("/telegram/").map(|(base, path)| (base.to_owned(), path.to_owned())).unwrap();
    assert!(!logged.contains(&path), "the path of the webhook is in the log");
}

#[tokio::test]
async fn a_token_that_is_refused_is_told_at_the_start_and_later() {
    let (folder, telegram) = (tempfile::tempdir().unwrap(), FakeTelegram::start().await.unwrap());
    let upstream = SlowUpstream::start().await;
    let host = Host::start(with_bot(folder.path(), &telegram, &upstream)).await;
    telegram.revoke_token();
    let ann = telegram.person("Ann");
    ann.say("Are you there?");
    let begun = Instant::now();
    let (status, told) = loop {
        let (status, told) = health(&host).await;
        if told["status"] == "unhealthy" || begun.elapsed() > Duration::from_secs(20) {
            break (status, told);
        }
        sleep(Duration::from_millis(100)).await;
    };
    assert_eq!((status, &told["components"]["telegram"]), (503, &json!("unhealthy")), "{told}");
    let (status, overview) = host.get(ADMIN, "/api/v1/admin/").await;
    assert_eq!((status, &overview["status"]), (200, &json!("unhealthy")), "administrators are told the same");
    assert_eq!(host.chat(ADMIN, "/help").await.0, 200, "the API goes on");
    assert_eq!(host.stop("-TERM").await.0, Some(0));
    let output = with_bot(folder.path(), &telegram, &upstream).output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("Telegram refuses TELEGRAM_BOT_TOKEN"), "{said}");
}

#[tokio::test]
async fn the_api_serves_while_telegram_cannot_be_reached_and_the_bot_answers_as_soon_as_it_can_be() {
    let (folder, telegram) = (tempfile::tempdir().unwrap(), FakeTelegram::start().await.unwrap());
    let upstream = SlowUpstream::start().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    telegram.fault(Fault::reset().on("getMe").always());
    let mut command = with_bot(folder.path(), &telegram, &upstream);
    command.env("API_PORT", port.to_string()).env("TELEGRAM_WEBHOOK_URL", format!("http://127.0.0.1:{port}"));
    let host = Host::start(command).await;
    assert_eq!(host.chat(ADMIN, "/help").await.0, 200, "the API does not wait");
    let (status, told) = health(&host).await;
    assert_eq!((status, &told["status"]), (200, &json!("degraded")), "{told}");
    assert_eq!(told["components"]["telegram"], json!("unhealthy"));
    assert_eq!(host.get(ADMIN, "/api/v1/admin/").await.1["status"], json!("degraded"));
    telegram.mend();
    let ann = telegram.person("Ann");
    ann.say(&question("of Ann", Duration::ZERO, false));
    assert!(is_told(&telegram, &ann, "asks for is done").await, "by the webhook");
    assert_eq!(health(&host).await.1["status"], json!("healthy"));
    assert_eq!(host.stop("-TERM").await.0, Some(0));
}

#[tokio::test]
async fn a_token_that_is_refused_when_telegram_is_back_ends_no_api() {
    let (folder, telegram) = (tempfile::tempdir().unwrap(), FakeTelegram::start().await.unwrap());
    let upstream = SlowUpstream::start().await;
    telegram.fault(Fault::bad_gateway().on("getMe").times(2));
    telegram.revoke_token();
    let host = Host::start(with_bot(folder.path(), &telegram, &upstream)).await;
    assert_eq!(health(&host).await.0, 200);
    let begun = Instant::now();
    while health(&host).await.0 != 503 {
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing tells of it");
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(host.chat(ADMIN, "/help").await.0, 200);
    assert_eq!(host.stop("-TERM").await.0, Some(0));
}
