//! The program is told to stop while it answers: who was let in gets an answer, and each answer is recorded.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::database::Database;
use crate::load::Line;
use crate::program::{Host, program};
use crate::slow_upstream::{SlowUpstream, question};

const ADMIN: &str = "the-key-of-the-test-of-stopping-which-is-long-enough";
const ASKED: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_on_sqlite_that_is_told_to_stop_ends_its_answers() {
    stop_amid_answers(Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_on_postgres_that_is_told_to_stop_ends_its_answers() {
    stop_amid_answers(Database::postgres().await).await;
}

async fn stop_amid_answers(database: Database) {
    let upstream = SlowUpstream::start().await;
    let mut command = program(database.folder());
    command.env("DATABASE_URL", database.url()).env("AI_SERVICE_URL", upstream.url());
    command.env("INTERNAL_API_KEY", ADMIN).env("INTERNAL_RATE_LIMIT", "0");
    let host = Host::start(command).await;
    let line = Line::new(&host.address);
    let mut questions = JoinSet::new();
    for number in 0..ASKED {
        let wait = Duration::from_millis(1_500 + 25 * number as u64);
        let body = json!({"user_id": "u", "chat_id": number.to_string(), "text": question("q", wait, false)});
        let (line, request) = (line.clone(), line.request(Method::POST, ADMIN, "chat", &body));
        questions.spawn(async move { line.send(request).await });
    }
    sleep(Duration::from_millis(700)).await;
    let begun = Instant::now();
    let (code, said) = host.stop("-TERM").await;
    assert_eq!(code, Some(0), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    for answer in questions.join_all().await {
        assert_eq!(answer.map(|(status, _)| status), Some(200), "nobody who was let in is left without an answer");
    }
    let contents = database.contents().await;
    assert_eq!((contents.usage.len(), contents.turns.len()), (ASKED, ASKED));
    assert!(contents.turns.iter().all(|(_, state)| state == "completed"));
    assert!(contents.buckets.iter().all(|bucket| bucket.leased == 0), "what was leased and not spent is given back");
    assert_eq!(contents.messages.len(), 2 * ASKED);
}

#[tokio::test]
async fn a_second_signal_ends_the_program_at_once() {
    let (folder, upstream) = (tempfile::tempdir().unwrap(), SlowUpstream::start().await);
    let mut command = program(folder.path());
    command.env("AI_SERVICE_URL", upstream.url()).env("INTERNAL_API_KEY", ADMIN);
    let mut host = Host::start(command).await;
    let line = Line::new(&host.address);
    let body = json!({"user_id": "u", "chat_id": "c", "text": question("q", Duration::from_secs(15), false)});
    let mut asked = JoinSet::new();
    let (asker, request) = (line.clone(), line.request(Method::POST, ADMIN, "chat", &body));
    asked.spawn(async move { asker.send(request).await });
    sleep(Duration::from_millis(500)).await;
    let process = host.child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &process]).status().await.unwrap().success());
    sleep(Duration::from_millis(500)).await;
    assert!(host.child.try_wait().unwrap().is_none(), "it waits for the answer");
    let begun = Instant::now();
    let (code, said) = host.stop("-TERM").await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("ended at once by a second signal"), "{said}");
    assert_eq!(asked.join_next().await.unwrap().unwrap(), None, "the answer was cut off");
}

#[tokio::test]
async fn a_signal_before_it_listens_ends_the_program() {
    let folder = tempfile::tempdir().unwrap();
    // A server that takes connections and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut command = program(folder.path());
    command.env("DATABASE_URL", format!("postgres://u:p@{}/x", silent.local_addr().unwrap()));
    let mut child = command.spawn().unwrap();
    let _connection = silent.accept().await.unwrap();
    let begun = Instant::now();
    let id = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
    let status = tokio::time::timeout(Duration::from_secs(10), child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(1));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}
