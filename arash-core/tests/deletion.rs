//! What is deleted leaves the disk, not only the answers: a database file is searched byte by byte.
#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arash_core::clock::{Clock, Timestamp};
use arash_core::store::{SqlStore, Store};
use arash_core::testing::{ManualClock, Script, ScriptedProvider};
use arash_core::turn::{IdempotencyKey, TurnRequest};
use arash_core::usage::{UsageFilter, UsagePage, UsageStore};
use arash_core::{Engine, IncomingMessage, Platform};

const ASKED: &str = "canary-of-the-question";
const ANSWERED: &str = "canary-of-the-answer";

/// How often one of the canaries lies in a file of this folder.
fn canaries(folder: &Path) -> usize {
    let files = std::fs::read_dir(folder).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
    let count =
        |bytes: &[u8], canary: &str| bytes.windows(canary.len()).filter(|part| *part == canary.as_bytes()).count();
    files.map(|bytes| count(&bytes, ASKED) + count(&bytes, ANSWERED)).sum()
}

struct Scene {
    folder: tempfile::TempDir,
    store: Arc<SqlStore>,
    clock: Arc<ManualClock>,
    engine: Engine,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/test.db", folder.path().display());
        let store = Arc::new(SqlStore::open(&url).await.unwrap());
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
        let engine = Engine::builder()
            .platform(Platform::private("internal").models(["test/one"]))
            .ai(ScriptedProvider::new((0..3).map(|_| Script::saying(ANSWERED))))
            .shared_store(store.clone())
            .clock(clock.clone())
            .build()
            .await
            .unwrap();
        Self { folder, store, clock, engine }
    }

    /// Something is said, in a request whose reply is kept for a repetition.
    async fn talk(&self) {
        let message = IncomingMessage::text("internal", "user", "chat", ASKED);
        let key = IdempotencyKey::new("host", "key").unwrap();
        self.engine.process(TurnRequest::new(message).idempotency_key(key)).await.unwrap();
        assert!(canaries(self.folder.path()) >= 3, "what was said lies in the log or the file");
    }

    async fn is_clean(&self) {
        self.store.upkeep(self.clock.now()).await.unwrap();
        assert_eq!(canaries(self.folder.path()), 0);
        let page = UsagePage { before: None, limit: 10 };
        let records = self.store.usage_records(UsageFilter::default(), page).await.unwrap();
        assert!(records.iter().any(|record| record.success && record.tokens.total() > 0), "what was used stays");
        self.engine.shutdown(Duration::from_secs(5)).await;
        assert_eq!(canaries(self.folder.path()), 0);
    }
}

#[tokio::test]
async fn a_deleted_session_leaves_the_disk() {
    let scene = Scene::new().await;
    scene.talk().await;
    scene.engine.sessions().delete(&scene.engine.session_key("internal_0_chat").unwrap()).await.unwrap();
    scene.is_clean().await;
}

#[tokio::test]
async fn what_was_cleared_and_forgotten_leaves_the_disk() {
    let scene = Scene::new().await;
    scene.talk().await;
    scene.engine.process(IncomingMessage::text("internal", "user", "chat", "/clear")).await.unwrap();
    // The kept reply goes when its day is over.
    scene.clock.advance(Duration::from_secs(25 * 3_600));
    arash_core::turn::TurnStore::forget_receipts(&*scene.store, scene.clock.now()).await.unwrap();
    scene.is_clean().await;
}

#[tokio::test]
async fn an_expired_session_leaves_the_disk() {
    let scene = Scene::new().await;
    scene.talk().await;
    scene.clock.advance(Duration::from_secs(25 * 3_600));
    let now = scene.clock.now();
    assert_eq!(arash_core::session::SessionStore::purge_expired(&*scene.store, now, 10).await.unwrap(), 1);
    arash_core::turn::TurnStore::forget_receipts(&*scene.store, now).await.unwrap();
    scene.is_clean().await;
}
