use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use arash_core::ai::ChatDelta;
use arash_core::store::MemoryStore;
use arash_core::testing::{Script, ScriptedProvider, Step};
use arash_core::usage::{TokenUsage, UsageFilter, UsagePage, UsageStore};
use reqwest::RequestBuilder;
use serde_json::json;

use crate::support::{Key, TestHost, question_with};

const PIECES: usize = 6;
const TOLD: TokenUsage = TokenUsage { prompt_tokens: 7, completion_tokens: 5, estimated: false };

/// Pieces with short pauses; every third provider tells its own count at the end.
fn script(number: usize) -> Script {
    let pieces = (0..PIECES).flat_map(|_| [Step::say("piece "), Step::Pause(Duration::from_millis(1))]);
    Script::new(pieces.chain(number.is_multiple_of(3).then_some(Step::Usage(TOLD))))
}

/// The same; every second one speaks the protocol of the client, as upstreams do.
fn script_of_chunks(number: usize) -> Script {
    let chunk = r#"{"choices":[{"index":0,"delta":{"content":"piece "}}]}"#;
    let wire = || number.is_multiple_of(2).then(|| Step::Give(ChatDelta::Wire(chunk.to_owned())));
    let piece = |_| wire().into_iter().chain([Step::say("piece "), Step::Pause(Duration::from_millis(1))]);
    Script::new((0..PIECES).flat_map(piece).chain(number.is_multiple_of(3).then_some(Step::Usage(TOLD))))
}

/// Reads some events of an answer and goes away; returns the turn.
async fn leave_amid(host: &TestHost, request: RequestBuilder, number: usize) -> String {
    let mut stream = host.open(request).await;
    let turn_id = stream.turn_id();
    for _ in 0..(number * 7) % (PIECES + 3) {
        if stream.next_block().await.is_none() {
            break;
        }
    }
    turn_id
}

/// So many clients ask and go away, one after the other.
async fn metered_once(
    turns: usize,
    script: impl Fn(usize) -> Script,
    request: impl Fn(&TestHost, &Key, usize) -> RequestBuilder,
) {
    let provider = ScriptedProvider::new((0..turns).map(script));
    let store = Arc::new(MemoryStore::default());
    let host = TestHost::with(|builder| builder.ai(provider.clone()).shared_store(store.clone())).await;
    let key = host.user("Team").await;
    let mut left = Vec::new();
    for number in 0..turns {
        left.push(leave_amid(&host, request(&host, &key, number), number).await);
    }
    let mut totals = host.engine.usage().report(UsageFilter::default(), 1).await.unwrap().totals;
    while totals.requests < turns as u64 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        totals = host.engine.usage().report(UsageFilter::default(), 1).await.unwrap().totals;
    }
    assert_eq!((totals.requests, totals.succeeded), (turns as u64, turns as u64));
    let page = UsagePage { before: None, limit: 10_000 };
    let records = store.usage_records(UsageFilter::default(), page).await.unwrap();
    let recorded: HashSet<String> = records.iter().map(|record| record.turn_id.to_string()).collect();
    assert_eq!((records.len(), recorded), (turns, left.into_iter().collect()));
    let told = records.iter().filter(|record| record.tokens == TOLD).count();
    let estimated = records.iter().filter(|record| record.tokens.estimated).count();
    assert_eq!((told, estimated), (turns.div_ceil(3), turns - turns.div_ceil(3)));
    assert!(records.iter().all(|record| record.tokens.completion_tokens > 0));
    assert_eq!(provider.running(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_goes_away_at_any_event_is_metered_once() {
    let request = |host: &TestHost, key: &Key, number: usize| {
        let (user, chat) = (format!("user-{}", number % 30), format!("chat-{}", number % 7));
        host.posting(key, "/api/v1/chat/stream", &json!({"user_id": user, "chat_id": chat, "text": "Hi"}))
    };
    metered_once(300, script, request).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_goes_away_at_any_chunk_of_a_completion_is_metered_once() {
    let request = |host: &TestHost, key: &Key, number: usize| {
        host.asking(key, &question_with(json!({"stream": true, "user": format!("user-{}", number % 50)})))
    };
    metered_once(1_000, script_of_chunks, request).await;
}
