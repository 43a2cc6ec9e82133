//! Chat with the bot in a page, without Telegram and without an account: a fake Bot API server and the bot in one process.
//!
//! `cargo run -p arash-telegram --example playground`, then open the page that it prints. The offline assistant answers,
//! unless the environment names another service, as `AI_PROVIDER` and `AI_SERVICE_URL` do. Nothing is kept.

use std::io::Write;

use arash_core::Secret;
use arash_core::settings::SettingsArgs;
use arash_core::store::MemoryStore;
use arash_fake_telegram::{FakeTelegram, Settings as FakeSettings};
use arash_telegram::{FluentTexts, Telegram};
use clap::Parser;
use tokio_util::sync::CancellationToken;

/// A bot to chat with in a page.
#[derive(Debug, Parser)]
struct Cli {
    /// The port of the page; 0 is any that is free.
    #[arg(long, default_value_t = 8081)]
    port: u16,
    /// The language of the person's app, as fa.
    #[arg(long)]
    language: Option<String>,
    #[command(flatten)]
    settings: SettingsArgs,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Two TLS back ends are in the tree; whoever asks for the default one must get one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let Cli { port, language, settings } = Cli::parse();
    let telegram = FakeTelegram::start_with(FakeSettings { port, ..FakeSettings::default() }).await?;
    telegram.person_speaking("You", language.as_deref());
    let args = SettingsArgs {
        telegram_bot_token: Some(Secret::new(telegram.token())),
        telegram_api_url: Some(Secret::new(telegram.url())),
        ..settings
    };
    let settings =
        args.resolve().map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
    let engine = settings.engine()?.texts(FluentTexts).store(MemoryStore::new()).build().await?;
    let bot = Telegram::connect(engine.clone(), &settings.telegram, settings.http.image_limit()).await?;
    writeln!(std::io::stdout(), "Chat with the bot at {}/\nCtrl+C ends it.", telegram.url())?;
    let stop = CancellationToken::new();
    tokio::select! {
        () = bot.run(stop.clone()) => {}
        ended = tokio::signal::ctrl_c() => ended?,
    }
    stop.cancel();
    engine.shutdown(settings.http.shutdown_deadline).await;
    Ok(())
}
