//! A bot on Telegram in a program of one's own. Here somebody writes to it on a fake Telegram; a real bot is given its
//! token by `TELEGRAM_BOT_TOKEN`, and no other address.
//!
//! `cargo run -p arash-examples --example telegram_bot`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use arash_core::Secret;
use arash_core::settings::SettingsArgs;
use arash_core::store::MemoryStore;
use arash_fake_telegram::{FakeTelegram, Message};
use arash_telegram::FluentTexts;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Two TLS back ends are in the tree; whoever asks for the default one must get one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let telegram = FakeTelegram::start().await?;
    let settings = SettingsArgs {
        telegram_bot_token: Some(Secret::new(telegram.token())),
        telegram_api_url: Some(Secret::new(telegram.url())),
        api_port: Some("0".to_owned()),
        ..SettingsArgs::default()
    };
    let settings = settings.resolve().map_err(|faults| format!("{faults:?}"))?;
    let engine = settings.engine()?.texts(FluentTexts).store(MemoryStore::new()).build().await?;

    let stop = CancellationToken::new();
    let running = arash_telegram::run(engine.clone(), &settings, stop.clone(), |line| println!("{line}"));
    let (ended, chatted) = tokio::join!(running, async {
        let chatted = chat(&telegram).await;
        stop.cancel();
        chatted
    });
    ended?;
    chatted?;
    engine.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

async fn chat(telegram: &FakeTelegram) -> Result<(), &'static str> {
    let sara = telegram.person_speaking("Sara", Some("ru"));
    for text in ["/start", "Hello, bot!"] {
        let asked = sara.messages_of_bot().len();
        sara.say(text);
        // It begins as a placeholder, and has a button as long as it is written.
        let is_final = |answer: &Message| answer.text() != "…" && answer.keyboard.is_null();
        let answer = telegram.until(|_| sara.messages_of_bot().get(asked).filter(|it| is_final(it)).cloned()).await;
        println!("> {text}\n{}\n", answer.ok_or("the bot does not answer")?.text());
    }
    Ok(())
}
