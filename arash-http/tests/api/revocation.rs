//! A key that many use at once while it is taken away: from the moment that the answer is there, nobody gets through.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arash_core::store::SqlStore;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Key, TestHost};

const TASKS: usize = 16;

struct Hammer {
    tasks: JoinSet<()>,
    is_over: Arc<AtomicBool>,
    /// Successes of requests that began before it was over.
    before: Arc<AtomicU64>,
    /// Successes of requests that began after.
    after: Arc<AtomicU64>,
    /// Refusals of requests that began after.
    refused: Arc<AtomicU64>,
}

impl Hammer {
    fn start(host: &TestHost, key: &Key) -> Self {
        let mut hammer = Self {
            tasks: JoinSet::new(),
            is_over: Arc::default(),
            before: Arc::default(),
            after: Arc::default(),
            refused: Arc::default(),
        };
        for _ in 0..TASKS {
            let request = host.request("GET", "/api/v1/sessions").bearer_auth(&key.secret);
            let is_over = Arc::clone(&hammer.is_over);
            let counts = [&hammer.before, &hammer.after, &hammer.refused].map(Arc::clone);
            hammer.tasks.spawn(ask_until_refused(request, is_over, counts));
        }
        hammer
    }

    async fn end(self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.tasks.join_all().await;
        let count = |count: &AtomicU64| count.load(Ordering::SeqCst);
        assert!(count(&self.before) >= TASKS as u64, "everyone got through before");
        assert_eq!(count(&self.after), 0, "nobody gets through any more");
        assert_eq!(count(&self.refused), TASKS as u64 * 5);
    }
}

async fn ask_until_refused(
    request: RequestBuilder,
    is_over: Arc<AtomicBool>,
    [before, after, refused]: [Arc<AtomicU64>; 3],
) {
    let mut asked_after = 0;
    while asked_after < 5 {
        let begins_after = is_over.load(Ordering::SeqCst);
        asked_after += u64::from(begins_after);
        let status = request.try_clone().unwrap().send().await.unwrap().status().as_u16();
        assert!([200, 401, 403].contains(&status), "{status}");
        match (status, begins_after) {
            (200, false) => drop(before.fetch_add(1, Ordering::SeqCst)),
            (200, true) => drop(after.fetch_add(1, Ordering::SeqCst)),
            (_, true) => drop(refused.fetch_add(1, Ordering::SeqCst)),
            // The change is being made.
            (_, false) => {}
        }
    }
}

/// Some rounds of `method path body` while the key is in use; `KEY` and `TEAM` in the path stand for the ids.
async fn hammered(method: &str, path: &str, body: Value) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    let store = SqlStore::open(&url).await.unwrap();
    let host = TestHost::with(|builder| builder.store(store)).await;
    for round in 0..4 {
        let key = host.user(&format!("Team {round}")).await;
        let id = host.id_of(&key).await;
        let hammer = Hammer::start(&host, &key);
        while hammer.before.load(Ordering::SeqCst) < TASKS as u64 * 2 {
            tokio::task::yield_now().await;
        }
        let path = path.replace("KEY", &id.to_string()).replace("TEAM", &key.team.to_string());
        let request = host.request(method, &path).bearer_auth(&host.admin.secret);
        let request = request.header("Content-Type", "application/json").body(body.to_string());
        assert!(host.send(request).await.status < 300);
        hammer.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_revoked_key_lets_nobody_through() {
    hammered("DELETE", "/api/v1/admin/api-keys/KEY", json!(null)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deleted_key_lets_nobody_through() {
    hammered("DELETE", "/api/v1/admin/api-keys/KEY?permanent=true", json!(null)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_that_is_switched_off_lets_nobody_through() {
    hammered("PATCH", "/api/v1/admin/api-keys/KEY", json!({"is_active": false})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_of_a_team_that_is_switched_off_lets_nobody_through() {
    hammered("PATCH", "/api/v1/admin/teams/TEAM", json!({"is_active": false})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_that_was_rotated_without_overlap_lets_nobody_through() {
    hammered("POST", "/api/v1/admin/api-keys/KEY/rotate", json!({"overlap_seconds": 0})).await;
}
