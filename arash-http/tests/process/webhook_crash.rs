//! `kill -9` while a team is told of its answers: each answer is told of, no event is without its answer, and what is told
//! again has the id that it had before.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use arash_core::Secret;
use arash_core::webhook::signature::{BODY_SIGNATURE, ID, verify_body};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::database::Database;
use crate::ledger::{Heard, Outcome};
use crate::load::{Line, Load, Talker};
use crate::program::{Host, program};
use crate::random::Random;
use crate::slow_upstream::SlowUpstream;
use crate::upstream::{Play, Upstream};

const KEY: &str = "the-key-of-the-webhook-crash-test-which-is-long";
const KILLS: u64 = 50;
const TALKERS: u64 = 6;
/// What a killed program was sending is another one's after its lease of half a minute.
const TOLD: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_host_on_sqlite_loses_no_event() {
    kill_at_any_moment(Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_host_on_postgres_loses_no_event() {
    kill_at_any_moment(Database::postgres().await).await;
}

async fn kill_at_any_moment(database: Database) {
    let (answering, mut random) = (SlowUpstream::start().await, Random::seeded("WEBHOOK_CRASH_SEED"));
    let receiver = Upstream::start(Play::Answer(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())).await;
    let command = || command(&database, &answering.url());
    let host = Host::start(command()).await;
    let secret = put_webhook(&host.address, &receiver.url()).await;
    assert_eq!(host.stop("-TERM").await.0, Some(0));
    let mut heard = Vec::new();
    for round in 0..KILLS {
        let mut host = Host::start(command()).await;
        let load = Load::start(&host.address, round, (0..TALKERS).map(|number| talker(round, number)), &mut random);
        sleep(Duration::from_millis(random.below(500))).await;
        host.child.kill().await.unwrap();
        heard.extend(load.end().await);
    }
    let host = Host::start(command()).await;
    let begun = Instant::now();
    // A turn that was begun and cut off is ended meanwhile, without an event of an answer.
    let expected = answered(&database).await;
    let events = loop {
        let events = Events::of(&receiver, &secret);
        if events.ids.len() >= expected.len() {
            break events;
        }
        assert!(begun.elapsed() < TOLD, "{} of {} answers were told of", events.ids.len(), expected.len());
        sleep(Duration::from_millis(500)).await;
    };
    assert_eq!(host.stop("-TERM").await.0, Some(0));
    println!("{KILLS} kills, {} answers, {} deliveries", expected.len(), events.deliveries);
    assert!(expected.len() as u64 > KILLS, "only {} answers: the ends came before the load", expected.len());
    events.check(&heard, &expected);
}

fn command(database: &Database, upstream: &str) -> Command {
    let mut command = program(database.folder());
    command.env("DATABASE_URL", database.url()).env("AI_SERVICE_URL", upstream).env("INTERNAL_API_KEY", KEY);
    command.env("WEBHOOK_ALLOW_PRIVATE", "true").env("WEBHOOK_ALLOW_HTTP", "true");
    command.env("INTERNAL_RATE_LIMIT", "0").env("LOG_LEVEL", "off");
    command
}

/// The team of the key is told of its answers from now on; gives the secret.
async fn put_webhook(address: &str, url: &str) -> Secret {
    let line = Line::new(address);
    let (_, team) = line.send(line.request(Method::GET, KEY, "team", &Value::Null)).await.unwrap();
    let path = format!("admin/{}/webhook", team["id"]);
    let (status, put) = line.send(line.request(Method::PUT, KEY, &path, &json!({"webhook_url": url}))).await.unwrap();
    assert_eq!(status, 200, "{put}");
    Secret::new(put["webhook_secret"].as_str().unwrap())
}

/// Some go on in the chats of earlier rounds, which on PostgreSQL are a dead program's for a while.
fn talker(round: u64, number: u64) -> Talker {
    let chat = if number < 2 { format!("chat-{number}") } else { format!("chat-{round}-{number}") };
    Talker { key: KEY.to_owned(), chat, is_careful: false, first: None }
}

/// The questions that were answered, chat by chat in their order.
async fn answered(database: &Database) -> Vec<(String, String)> {
    let messages = database.contents().await.messages;
    messages.into_iter().filter(|message| message.role == "user").map(|message| (message.chat, message.text)).collect()
}

/// What a receiver was told.
struct Events {
    /// The id of the event for each question, as it came first.
    ids: HashMap<String, String>,
    /// The questions of each chat, in the order in which they came first.
    chats: BTreeMap<String, Vec<String>>,
    deliveries: usize,
}

impl Events {
    fn of(receiver: &Upstream, secret: &Secret) -> Self {
        let (mut bodies, requests) = (HashMap::new(), receiver.requests());
        let mut events = Self { ids: HashMap::new(), chats: BTreeMap::new(), deliveries: requests.len() };
        for request in &requests {
            let (id, body) = (request.header(ID)[0], request.body.as_str());
            assert_eq!(verify_body(secret, request.header(BODY_SIGNATURE)[0], body.as_bytes()), Ok(()));
            assert_eq!(*bodies.entry(id).or_insert(body), body, "{id} has two bodies");
            let event: Value = serde_json::from_str(body).unwrap();
            assert_eq!(event["event"], "message.completed");
            let text = |name: &str| event["message"][name].as_str().unwrap().to_owned();
            let known = events.ids.entry(text("text")).or_insert_with(|| id.to_owned());
            assert_eq!(known, id, "{:?} has two events", text("text"));
            let chat = events.chats.entry(text("chat_id")).or_default();
            if !chat.contains(&text("text")) {
                chat.push(text("text"));
            }
        }
        events
    }

    fn check(&self, heard: &[Heard], expected: &[(String, String)]) {
        for Heard { question, outcome, .. } in heard {
            let is_answered = matches!(outcome, Outcome::Answered { .. });
            assert!(!is_answered || self.ids.contains_key(question), "nobody was told of the answer to {question:?}");
        }
        let causes: HashSet<_> = expected.iter().map(|(_, question)| question).collect();
        let without = self.ids.keys().find(|question| !causes.contains(question));
        assert!(without.is_none(), "{without:?} was told of and never answered");
        let mut chats: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (chat, question) in expected {
            chats.entry(chat.clone()).or_default().push(question.clone());
        }
        assert_eq!(self.chats, chats, "told of in another order than answered");
    }
}
