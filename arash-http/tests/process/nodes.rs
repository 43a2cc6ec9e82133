//! Three programs on one PostgreSQL database: one quota, one order in a conversation, one key for all.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::chores::{Key, new_key};
use crate::database::Database;
use crate::ledger::Ledger;
use crate::load::Line;
use crate::program::{Host, program};
use crate::slow_upstream::{SlowUpstream, question};

const ADMIN: &str = "the-key-of-the-test-of-three-nodes-which-is-long";
const NODES: usize = 3;

struct Nodes {
    database: Database,
    hosts: Vec<Host>,
    lines: Arc<[Line]>,
}

impl Nodes {
    /// All start at once on an empty database.
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    async fn start_with(settings: &[(&str, &str)]) -> Self {
        let database = Database::postgres().await;
        let mut starting = JoinSet::new();
        for _ in 0..NODES {
            let mut command = program(database.folder());
            command.env("DATABASE_URL", database.url()).env("INTERNAL_API_KEY", ADMIN).env("INTERNAL_RATE_LIMIT", "0");
            command.envs(settings.iter().copied());
            starting.spawn(Host::start(command));
        }
        let hosts = starting.join_all().await;
        let lines = hosts.iter().map(|host| Line::new(&host.address)).collect();
        Self { database, hosts, lines }
    }

    async fn key(&self, quota: u64) -> String {
        new_key(&self.lines[0], ADMIN, "shared", quota, &mut Ledger::default()).await.unwrap().text
    }

    async fn end(self) -> Database {
        for host in self.hosts {
            assert_eq!(host.stop("-TERM").await.0, Some(0));
        }
        self.database
    }
}

async fn chat(line: &Line, key: &str, chat: &str, text: &str) -> (u16, Value) {
    let body = json!({"user_id": "u", "chat_id": chat, "text": text});
    line.send(line.request(Method::POST, key, "chat", &body)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_tasks_on_three_programs_against_a_quota_of_1000() {
    const TASKS: usize = 200;
    const QUOTA: u64 = 1_000;
    let nodes = Nodes::start().await;
    let key = nodes.key(QUOTA).await;
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (lines, key) = (Arc::clone(&nodes.lines), key.clone());
        tasks.spawn(async move {
            let (mut answered, mut refused, mut next) = (0_u64, 0, task);
            // Until each node has said no, one after the other: what one of them still has is asked for there.
            while refused < NODES {
                match chat(&lines[next % NODES], &key, &format!("chat-{task}"), "hello").await {
                    (200, _) => (answered, refused) = (answered + 1, 0),
                    (429, problem) => {
                        assert_eq!(problem["error"], "quota_exceeded", "{problem}");
                        refused += 1;
                    }
                    (status, reply) => panic!("{status} {reply}"),
                }
                next += 1;
            }
            answered
        });
    }
    assert_eq!(tasks.join_all().await.into_iter().sum::<u64>(), QUOTA);
    let database = nodes.end().await;
    let contents = database.contents().await;
    assert_eq!(contents.usage.len() as u64, QUOTA, "one row for each answer, none for a refusal");
    for bucket in contents.buckets {
        assert_eq!((bucket.used, bucket.leased), (QUOTA, 0), "{} {}", bucket.scope, bucket.period);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_by_way_of_three_programs_has_one_order() {
    const TASKS: usize = 12;
    const EACH: usize = 10;
    let nodes = Nodes::start().await;
    let key = nodes.key(100_000).await;
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (lines, key) = (Arc::clone(&nodes.lines), key.clone());
        tasks.spawn(async move {
            let mut counts = Vec::new();
            while counts.len() < EACH {
                let line = &lines[(task + counts.len()) % NODES];
                match chat(line, &key, "one", &format!("message {task} {}", counts.len())).await {
                    (200, reply) => counts.push(reply["data"]["message_count"].as_u64().unwrap()),
                    // Too many wait for this session: come back later, as asked.
                    (409, _) => tokio::time::sleep(Duration::from_millis(200)).await,
                    (status, reply) => panic!("{status} {reply}"),
                }
            }
            counts
        });
    }
    let mut counts: Vec<u64> = tasks.join_all().await.into_iter().flatten().collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=(TASKS * EACH) as u64).collect::<Vec<_>>(), "each answer knew of all before it");
    let database = nodes.end().await;
    assert_eq!(database.contents().await.messages.len(), 2 * TASKS * EACH);
}

/// What one program is asked to do, and what the key gets from then on.
struct Ending {
    name: &'static str,
    method: Method,
    path: fn(&Key) -> String,
    body: Value,
    status: u16,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_one_program_takes_away_is_refused_by_all_within_a_second() {
    let nodes = Nodes::start().await;
    let off = json!({"is_active": false});
    let key_path = |key: &Key| format!("admin/api-keys/{}", key.id);
    let rotation_path = |key: &Key| format!("admin/api-keys/{}/rotate", key.id);
    let team_path = |key: &Key| format!("admin/teams/{}", key.team);
    let at_once = json!({"overlap_seconds": 0});
    let endings = [
        Ending { name: "revoked", method: Method::DELETE, path: key_path, body: Value::Null, status: 401 },
        Ending { name: "rotated", method: Method::POST, path: rotation_path, body: at_once, status: 401 },
        Ending { name: "off", method: Method::PATCH, path: key_path, body: off.clone(), status: 401 },
        Ending { name: "team off", method: Method::PATCH, path: team_path, body: off, status: 403 },
    ];
    for Ending { name, method, path, body, status } in endings {
        let key = new_key(&nodes.lines[0], ADMIN, name, 1_000, &mut Ledger::default()).await.unwrap();
        for line in nodes.lines.iter() {
            assert_eq!(chat(line, &key.text, "c", "hello").await.0, 200, "{name}");
        }
        let line = &nodes.lines[0];
        assert!(line.send(line.request(method, ADMIN, &path(&key), &body)).await.unwrap().0 < 300, "{name}");
        assert_eq!(chat(line, &key.text, "c", "hello").await.0, status, "{name}: at once where it was done");
        tokio::time::sleep(Duration::from_secs(1)).await;
        for line in nodes.lines.iter() {
            assert_eq!(chat(line, &key.text, "c", "hello").await.0, status, "{name}");
        }
    }
    nodes.end().await;
}

/// A signal for a program that goes on living.
async fn signal(host: &Host, name: &str) {
    let id = host.child.id().unwrap().to_string();
    assert!(tokio::process::Command::new("kill").args([name, &id]).status().await.unwrap().success());
}

/// A program sleeps in the middle of an answer for longer than all that it holds lasts. Others go on in the same
/// conversation; when it wakes, it neither puts its answer between theirs nor counts twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_sleeps_amid_an_answer_harms_nobody() {
    let upstream = SlowUpstream::start().await;
    let nodes = Nodes::start_with(&[("AI_SERVICE_URL", &upstream.url())]).await;
    let key = nodes.key(1_000).await;
    let slow = question("sleeper", Duration::from_millis(2_000), false);
    let quick = |number: usize| question(&format!("other {number}"), Duration::ZERO, false);
    assert_eq!(chat(&nodes.lines[1], &key, "one", &quick(0)).await.0, 200);
    let asleep = {
        let (line, key, slow) = (nodes.lines[0].clone(), key.clone(), slow.clone());
        let body = json!({"user_id": "u", "chat_id": "one", "text": slow});
        let request = line.request(Method::POST, &key, "chat", &body).timeout(Duration::from_secs(120));
        let mut asleep = JoinSet::new();
        asleep.spawn(async move { line.send(request).await.unwrap() });
        asleep
    };
    tokio::time::sleep(Duration::from_millis(700)).await;
    let sleeper = nodes.hosts.iter().find(|host| nodes.lines[0].address == host.address).unwrap();
    signal(sleeper, "-STOP").await;
    // Its claim ends after 30 seconds, and its turn is taken for lost; until then the others are told to come back.
    let (begun, mut answered) = (Instant::now(), 0);
    while answered < 3 || begun.elapsed() < Duration::from_secs(45) {
        match chat(&nodes.lines[1 + answered % 2], &key, "one", &quick(answered + 1)).await.0 {
            200 => answered += 1,
            409 => assert!(answered == 0, "once the claim has ended nobody waits"),
            status => panic!("{status}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(70), "the conversation is not free");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    signal(sleeper, "-CONT").await;
    let (status, reply) = asleep.join_all().await.remove(0);
    assert!([200, 409, 503].contains(&status), "{status} {reply}");
    let told = answered + 1 + usize::from(status == 200);
    let database = nodes.end().await;
    let contents = database.contents().await;
    assert_eq!(contents.messages.len(), 2 * told, "what was told is there, and nothing else");
    for pair in contents.messages.chunks(2) {
        assert_eq!((pair[0].role.as_str(), pair[1].role.as_str()), ("user", "assistant"));
        assert_eq!(pair[0].turn, pair[1].turn, "no turn lies within another");
    }
    assert_eq!(contents.usage.len(), answered + 2, "each turn is recorded once, the sleeper's too");
    let (mut hours, mut sums) = (contents.hours, contents.hours_of_usage);
    hours.sort();
    sums.sort();
    assert_eq!(hours, sums);
    assert!(contents.turns.iter().all(|(_, state)| state != "started"));
}
