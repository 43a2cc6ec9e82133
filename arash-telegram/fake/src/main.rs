//! The program `arash-fake-telegram`: a Bot API server on this machine, and a page on which to chat with the bot that
//! connects to it.

use std::io::Write;
use std::process::ExitCode;

use arash_fake_telegram::{FakeTelegram, Settings};
use clap::Parser;

/// A Bot API server on this machine that takes the place of Telegram, and a page on which to chat with a bot.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// The port to listen on; 0 is any that is free.
    #[arg(long, default_value_t = 8081)]
    port: u16,
    /// The token that the bot has to show.
    #[arg(long, default_value_t = Settings::default().token)]
    token: String,
    /// The name of the bot, without the @.
    #[arg(long, default_value_t = Settings::default().username)]
    username: String,
    /// What the person on the page is called.
    #[arg(long, default_value = "You")]
    person: String,
    /// The language of the person's app, as fa.
    #[arg(long)]
    language: Option<String>,
    /// Show the bot everything that is said in groups.
    #[arg(long)]
    no_privacy: bool,
    /// Let the bot send as much as it likes.
    #[arg(long)]
    no_flood_control: bool,
}

fn main() -> ExitCode {
    // Two TLS back ends are in the tree; whoever asks for the default one must get one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cli = Cli::parse();
    match tokio::runtime::Runtime::new().and_then(|runtime| runtime.block_on(run(cli))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            let _ = writeln!(std::io::stderr(), "arash-fake-telegram: {fault}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> std::io::Result<()> {
    let Cli { port, token, username, person, language, no_privacy, no_flood_control } = cli;
    let telegram = FakeTelegram::start_with(Settings { token, username, has_privacy: !no_privacy, port }).await?;
    telegram.control_floods(!no_flood_control);
    let person = telegram.person_speaking(&person, language.as_deref());
    let (url, token) = (telegram.url(), telegram.token());
    writeln!(
        std::io::stdout(),
        "The Bot API is at {url}\nThe token is {token}\nThe person is {}\nChat with the bot at {url}/\nCtrl+C ends it.",
        person.id()
    )?;
    tokio::signal::ctrl_c().await
}
