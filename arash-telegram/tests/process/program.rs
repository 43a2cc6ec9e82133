//! The program `arash-telegram`, started and told to stop.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use arash_fake_telegram::FakeTelegram;
use futures_util::future::OptionFuture;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// The program in this folder as a bot of `telegram`, with no other setting but those that a test gives.
pub(crate) fn program(folder: &Path, telegram: &FakeTelegram) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arash-telegram"));
    command.current_dir(folder).env_clear().env("API_PORT", "0").env("LOG_LEVEL", "warn");
    command.env("TELEGRAM_BOT_TOKEN", telegram.token()).env("TELEGRAM_API_URL", telegram.url());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// A running program.
pub(crate) struct Bot {
    pub(crate) child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub(crate) address: String,
}

impl Bot {
    pub(crate) async fn start(command: Command) -> Self {
        Self::launch(command).await.unwrap_or_else(|said| panic!("it ended: {said}"))
    }

    /// Starts it and waits until it answers; what it said when it ends instead.
    pub(crate) async fn launch(mut command: Command) -> Result<Self, String> {
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
        let Some(line) = line else { return Err(all(child.stderr.take().unwrap()).await) };
        let (_, address) = line.split_once("its health is at ").unwrap();
        let address = address.trim_end_matches("/health").to_owned();
        Ok(Self { child, lines, address })
    }

    /// The status and the body of its health.
    pub(crate) async fn health(&self) -> (u16, Value) {
        let response = client().get(format!("{}/health", self.address)).send().await.unwrap();
        (response.status().as_u16(), serde_json::from_str(&response.text().await.unwrap()).unwrap())
    }

    /// Kills it at once; gives what it said.
    pub(crate) async fn kill(mut self) -> String {
        self.child.kill().await.unwrap();
        all(self.child.stderr.take().unwrap()).await
    }

    /// Sends a signal and waits for the end; gives the exit code and all that it said.
    pub(crate) async fn stop(mut self, signal: &str) -> (Option<i32>, String) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
        // What it says has to be read, or it waits for that.
        let source = self.child.stderr.take().map(all);
        let ending = async { tokio::join!(self.child.wait(), OptionFuture::from(source)) };
        let (status, said) = timeout(PATIENCE, ending).await.unwrap();
        let mut said = said.unwrap_or_default();
        while let Some(line) = self.lines.next_line().await.unwrap() {
            said.push_str(&line);
        }
        (status.unwrap().code(), said)
    }
}

pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder().timeout(PATIENCE).build().unwrap()
}

async fn all(mut source: impl tokio::io::AsyncRead + Unpin) -> String {
    let mut text = String::new();
    source.read_to_string(&mut text).await.unwrap();
    text
}
