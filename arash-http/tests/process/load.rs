//! Clients that talk to the program until it goes away or they are told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::ledger::{Heard, Outcome};
use crate::program::{PATIENCE, client};
use crate::random::Random;
use crate::slow_upstream::{fails, question};

/// One who talks in a chat of its own, one question after the other.
#[derive(Clone)]
pub(crate) struct Talker {
    pub(crate) key: String,
    pub(crate) chat: String,
    /// Whether its questions carry idempotency keys.
    pub(crate) is_careful: bool,
    /// What it asks first: a question whose answer was cut off.
    pub(crate) first: Option<String>,
}

/// A way to the program.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) address: String,
    client: Client,
}

impl Line {
    pub(crate) fn new(address: &str) -> Self {
        Self { address: address.to_owned(), client: client() }
    }

    pub(crate) fn request(&self, method: Method, key: &str, path: &str, body: &Value) -> RequestBuilder {
        let request = self.client.request(method, format!("{}/api/v1/{path}", self.address)).bearer_auth(key);
        request.header("Content-Type", "application/json").body(body.to_string())
    }

    pub(crate) fn question(&self, talker: &Talker, question: &str) -> RequestBuilder {
        let body = json!({"user_id": "u", "chat_id": talker.chat, "text": question});
        let request = self.request(Method::POST, &talker.key, "chat", &body);
        if talker.is_careful { request.header("Idempotency-Key", question) } else { request }
    }

    /// Sends a request; `None` when its answer was cut off.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Option<(u16, Value)> {
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, serde_json::from_str(&response.text().await.ok()?).ok()?))
    }

    /// Asks a question; `None` when the program has gone away.
    pub(crate) async fn ask(&self, talker: &Talker, question: &str) -> Option<Outcome> {
        let (status, reply) = self.send(self.question(talker, question)).await?;
        Some(match status {
            200 => Outcome::answered(&reply),
            502 if fails(question) => Outcome::Failed,
            409 | 429 => Outcome::Refused,
            503 => Outcome::Unsure,
            _ => panic!("{question:?} was answered with {status}: {reply}"),
        })
    }
}

/// Everyone who talks at the moment.
pub(crate) struct Load {
    talkers: JoinSet<Vec<Heard>>,
    stop: Arc<AtomicBool>,
}

impl Load {
    /// `round` makes the questions of this load unlike those of others.
    pub(crate) fn start(
        address: &str,
        round: u64,
        talkers: impl IntoIterator<Item = Talker>,
        random: &mut Random,
    ) -> Self {
        let mut load = Self { talkers: JoinSet::new(), stop: Arc::default() };
        for talker in talkers {
            let (line, stop) = (Line::new(address), Arc::clone(&load.stop));
            load.talkers.spawn(talk(line, talker, round, stop, Random(random.below(u64::MAX) + 1)));
        }
        load
    }

    /// Waits until everyone has heard their last answer, and tells all that was heard.
    pub(crate) async fn end(self) -> Vec<Heard> {
        self.stop.store(true, Ordering::Relaxed);
        timeout(PATIENCE * 2, self.talkers.join_all()).await.unwrap().into_iter().flatten().collect()
    }
}

async fn talk(line: Line, mut talker: Talker, round: u64, stop: Arc<AtomicBool>, mut random: Random) -> Vec<Heard> {
    let mut heard = Vec::new();
    for number in 0.. {
        let new = || question(&format!("{}, {round}.{number}", talker.chat), wait(&mut random), random.below(10) == 0);
        let question = talker.first.take().unwrap_or_else(new);
        let outcome = line.ask(&talker, &question).await;
        let is_over = outcome.is_none() || stop.load(Ordering::Relaxed);
        let outcome = outcome.unwrap_or(Outcome::Unsure);
        let is_refused = matches!(outcome, Outcome::Refused | Outcome::Unsure);
        heard.push(Heard { chat: talker.chat.clone(), question, outcome });
        if is_over {
            break;
        }
        if is_refused {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    heard
}

/// Most answers take next to nothing, some so long that their turn is written down as begun.
fn wait(random: &mut Random) -> Duration {
    let most = [1, 10, 50, 400][random.below(4) as usize];
    Duration::from_millis(random.below(most))
}
