use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use arash_core::store::MemoryStore;
use arash_core::testing::{Script, ScriptedProvider, Step};
use arash_core::usage::{TokenUsage, UsageFilter, UsagePage, UsageStore};
use serde_json::json;

use crate::support::{Key, TestHost};

const TURNS: usize = 300;
const PIECES: usize = 6;
const TOLD: TokenUsage = TokenUsage { prompt_tokens: 7, completion_tokens: 5, estimated: false };

/// Pieces with short pauses; every third provider tells its own count at the end.
fn script(number: usize) -> Script {
    let pieces = (0..PIECES).flat_map(|_| [Step::say("piece "), Step::Pause(Duration::from_millis(1))]);
    Script::new(pieces.chain(number.is_multiple_of(3).then_some(Step::Usage(TOLD))))
}

/// Reads some events of an answer and goes away; returns the turn.
async fn leave_amid(host: &TestHost, key: &Key, number: usize) -> String {
    let body =
        json!({"user_id": format!("user-{}", number % 30), "chat_id": format!("chat-{}", number % 7), "text": "Hi"});
    let mut stream = host.open(host.posting(key, "/api/v1/chat/stream", &body)).await;
    let turn_id = stream.turn_id();
    for _ in 0..(number * 7) % (PIECES + 3) {
        if stream.next().await.is_none() {
            break;
        }
    }
    turn_id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_goes_away_at_any_event_is_metered_once() {
    let provider = ScriptedProvider::new((0..TURNS).map(script));
    let store = Arc::new(MemoryStore::default());
    let host = TestHost::with(|builder| builder.ai(provider.clone()).shared_store(store.clone())).await;
    let key = host.user("Team").await;
    let mut turns = Vec::new();
    for number in 0..TURNS {
        turns.push(leave_amid(&host, &key, number).await);
    }
    let mut totals = host.engine.usage().report(UsageFilter::default(), 1).await.unwrap().totals;
    while totals.requests < TURNS as u64 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        totals = host.engine.usage().report(UsageFilter::default(), 1).await.unwrap().totals;
    }
    assert_eq!((totals.requests, totals.succeeded), (TURNS as u64, TURNS as u64));
    let page = UsagePage { before: None, limit: 10_000 };
    let records = store.usage_records(UsageFilter::default(), page).await.unwrap();
    let recorded: HashSet<String> = records.iter().map(|record| record.turn_id.to_string()).collect();
    assert_eq!((records.len(), recorded), (TURNS, turns.into_iter().collect()));
    let told = records.iter().filter(|record| record.tokens == TOLD).count();
    let estimated = records.iter().filter(|record| record.tokens.estimated).count();
    assert_eq!((told, estimated), (TURNS / 3, TURNS - TURNS / 3));
    assert!(records.iter().all(|record| record.tokens.completion_tokens > 0));
    assert_eq!(provider.running(), 0);
}
