//! The program itself, started and asked.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The program in an empty folder, with no setting but those that a test gives.
pub(crate) fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arash-http"));
    command.current_dir(folder).env_clear().env("API_PORT", "0").env("LOG_LEVEL", "warn");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// A running program.
pub(crate) struct Host {
    pub(crate) child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// What it said before it was ready.
    greeting: String,
    pub(crate) address: String,
}

impl Host {
    pub(crate) async fn start(command: Command) -> Self {
        Self::launch(command).await.unwrap_or_else(|said| panic!("it ended: {said}"))
    }

    /// Starts it and waits until it listens; what it said when it ends instead.
    pub(crate) async fn launch(mut command: Command) -> Result<Self, String> {
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut greeting = String::new();
        let address = loop {
            let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
            let Some(line) = line else { return Err(all(child.stderr.take().unwrap()).await) };
            greeting.push_str(&line);
            greeting.push('\n');
            if let Some(address) = line.strip_prefix("arash-http listens on ") {
                break address.to_owned();
            }
        };
        Ok(Self { child, lines, greeting, address })
    }

    /// The key that it printed, if it did.
    pub(crate) fn printed_key(&self) -> Option<&str> {
        self.greeting.lines().find_map(|line| line.strip_prefix("Admin API key (shown once): "))
    }

    pub(crate) async fn get(&self, key: &str, path: &str) -> (u16, Value) {
        answer(client().get(format!("{}{path}", self.address)).bearer_auth(key)).await
    }

    pub(crate) async fn chat(&self, key: &str, text: &str) -> (u16, Value) {
        let body = json!({"user_id": "u", "chat_id": "c", "text": text}).to_string();
        let request = client().post(format!("{}/api/v1/chat", self.address)).bearer_auth(key);
        answer(request.header("Content-Type", "application/json").body(body)).await
    }

    /// Sends a signal and waits for the end; gives the exit code and all that it said.
    pub(crate) async fn stop(mut self, signal: &str) -> (Option<i32>, String) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
        let status = timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
        let mut said = self.greeting;
        while let Some(line) = self.lines.next_line().await.unwrap() {
            said.push_str(&line);
            said.push('\n');
        }
        (status.code(), said + &all(self.child.stderr.take().unwrap()).await)
    }
}

pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder().timeout(PATIENCE).build().unwrap()
}

pub(crate) async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), serde_json::from_str(&response.text().await.unwrap()).unwrap())
}

pub(crate) async fn all(mut source: impl tokio::io::AsyncRead + Unpin) -> String {
    let mut text = String::new();
    source.read_to_string(&mut text).await.unwrap();
    text
}
