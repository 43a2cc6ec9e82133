//! Three programs on one PostgreSQL database: one quota, one order in a conversation, one key for all.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::chores::new_key;
use crate::database::Database;
use crate::ledger::Ledger;
use crate::load::Line;
use crate::program::{Host, program};

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
        let database = Database::postgres().await;
        let mut starting = JoinSet::new();
        for _ in 0..NODES {
            let mut command = program(database.folder());
            command.env("DATABASE_URL", database.url()).env("INTERNAL_API_KEY", ADMIN).env("INTERNAL_RATE_LIMIT", "0");
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_one_program_revokes_is_refused_by_all_within_a_second() {
    let nodes = Nodes::start().await;
    let mut ledger = Ledger::default();
    let key = new_key(&nodes.lines[0], ADMIN, "revoked", 1_000, &mut ledger).await.unwrap();
    for line in nodes.lines.iter() {
        assert_eq!(chat(line, &key.text, "c", "hello").await.0, 200);
    }
    let line = &nodes.lines[0];
    let revoke = line.request(Method::DELETE, ADMIN, &format!("admin/api-keys/{}", key.id), &Value::Null);
    assert!(line.send(revoke).await.unwrap().0 < 300);
    assert_eq!(chat(line, &key.text, "c", "hello").await.0, 401, "at once where it was revoked");
    tokio::time::sleep(Duration::from_secs(1)).await;
    for line in nodes.lines.iter() {
        assert_eq!(chat(line, &key.text, "c", "hello").await.0, 401);
    }
    nodes.end().await;
}
