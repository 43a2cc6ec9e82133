//! The engine's promises under load, on each back end: quotas are exact, sessions keep their order, nothing is lost
//! or counted twice.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails panics")]

#[path = "support/engines.rs"]
mod engines;
#[path = "support/stores.rs"]
mod stores;

use std::sync::Arc;
use std::time::Duration;

use arash_core::message::Role;
use arash_core::quota::{Allowance, Period};
use arash_core::team::Principal;
use arash_core::testing::{Script, ScriptedProvider, Step};
use arash_core::usage::{UsageFilter, UsagePage, UsageRecord};
use arash_core::{ErrorKind, ReplyEvent};
use engines::{builder, caller, engine, request};
use stores::TestStore;
use tokio::task::JoinSet;

on_each_store! {
    two_hundred_requests_against_a_limit_of_37
    sixty_four_tasks_on_one_session
    a_failed_answer_gives_its_quota_back
    a_caller_that_goes_away_changes_nothing
    a_repeated_request_is_answered_once
    a_failed_result_is_given_again_too
    what_is_refused_costs_nothing
    to_ask_for_the_rate_limit_takes_nothing_of_it
    a_panic_costs_one_answer
    shutdown_ends_what_hangs_and_records_it
}

async fn records(engine: &arash_core::Engine, principal: &Principal) -> Vec<UsageRecord> {
    let filter = UsageFilter { team: Some(principal.team_id()), key: None };
    engine.usage().recent(filter, UsagePage { before: None, limit: 1_000 }).await.unwrap()
}

async fn used(engine: &arash_core::Engine, principal: &Principal, period: Period) -> u64 {
    engine.quotas().standing(&Allowance::of(principal), period).await.unwrap().used
}

async fn two_hundred_requests_against_a_limit_of_37(store: TestStore) {
    let engine = engine(&store, &ScriptedProvider::default()).await;
    let principal = caller(&engine, "limited", Some(37), Some(1_000)).await;
    let mut tasks = JoinSet::new();
    for number in 0..200 {
        let (engine, request) = (engine.clone(), request(&principal, &format!("chat-{number}"), "hello"));
        tasks.spawn(async move { engine.process(request).await });
    }
    let results = tasks.join_all().await;
    let answered = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(answered, 37);
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{error}");
        assert_eq!(error.limit().map(|limit| (limit.policy, limit.limit)), Some(("daily", 37)));
    }
    let rows = records(&engine, &principal).await;
    assert_eq!(rows.iter().filter(|row| row.success).count(), 37);
    assert_eq!(rows.len(), 37, "a refused request leaves no row");
    assert_eq!(used(&engine, &principal, Period::Daily).await, 37);
    assert_eq!(used(&engine, &principal, Period::Monthly).await, 37);
    let report = engine.usage().report(UsageFilter { team: Some(principal.team_id()), key: None }, 1).await.unwrap();
    assert_eq!((report.totals.requests, report.totals.succeeded), (37, 37));
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn sixty_four_tasks_on_one_session(store: TestStore) {
    let provider = ScriptedProvider::default();
    let engine = engine(&store, &provider).await;
    let principal = caller(&engine, "talkative", None, None).await;
    let mut tasks = JoinSet::new();
    for number in 0..64 {
        let (engine, request) = (engine.clone(), request(&principal, "one", &format!("message {number}")));
        tasks.spawn(async move { engine.process(request).await.unwrap() });
    }
    let mut counts: Vec<u64> = tasks.join_all().await.into_iter().map(|reply| reply.receipt.message_count).collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=64).collect::<Vec<_>>());
    let key = engine.session_key(&format!("internal_{}_one", principal.team_id())).unwrap();
    let stored = store.store.load(&key, 200, arash_core::clock::Timestamp::default()).await.unwrap().unwrap();
    let said: Vec<_> = stored.history.iter().map(|message| (message.role, message.text.to_string())).collect();
    assert_eq!(said.len(), 128);
    let mut questions = Vec::new();
    for pair in said.chunks(2) {
        assert_eq!((pair[0].0, pair[1].0), (Role::User, Role::Assistant));
        assert_eq!(pair[1].1, format!("echo: {}", pair[0].1), "an answer stands beside another question");
        questions.push(pair[0].1.clone());
    }
    // Each turn saw exactly what the turns before it had said.
    for (place, asked) in provider.requests().iter().enumerate() {
        assert_eq!(asked.messages.len(), place * 2 + 1);
        assert_eq!(asked.messages.last().map(|message| message.text.to_string()), Some(questions[place].clone()));
    }
    questions.sort_unstable();
    questions.dedup();
    assert_eq!(questions.len(), 64, "nothing is lost and nothing is there twice");
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_failed_answer_gives_its_quota_back(store: TestStore) {
    let provider = ScriptedProvider::default();
    let engine = engine(&store, &provider).await;
    let principal = caller(&engine, "unlucky", Some(2), None).await;
    provider.push(Script::failing(arash_core::ai::AiErrorKind::Overloaded));
    provider.push(Script::saying("at last"));
    for _ in 0..1 {
        let error = engine.process(request(&principal, "chat", "hello")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AiService);
    }
    for _ in 0..2 {
        engine.process(request(&principal, "chat", "hello")).await.unwrap();
    }
    let refused = engine.process(request(&principal, "chat", "hello")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::QuotaExceeded);
    let rows = records(&engine, &principal).await;
    assert_eq!(rows.iter().map(|row| row.success).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!(rows[2].error.as_deref(), Some("ai_service_error"));
    assert_eq!(used(&engine, &principal, Period::Daily).await, 2);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_caller_that_goes_away_changes_nothing(store: TestStore) {
    let go_on = Arc::new(tokio::sync::Notify::new());
    let provider = ScriptedProvider::default();
    let engine = engine(&store, &provider).await;
    let principal = caller(&engine, "impatient", None, None).await;
    provider.push(Script::new([Step::say("half "), Step::WaitFor(Arc::clone(&go_on)), Step::say("and whole")]));
    let stream = engine.stream(request(&principal, "chat", "hello")).await.unwrap();
    drop(stream);
    let asked = engine.process(request(&principal, "other", "hello"));
    drop(asked);
    go_on.notify_one();
    engine.shutdown(Duration::from_secs(10)).await;
    // The store of the engine is closed: what is there is what was committed.
    let reopened = store.reopen().await;
    let rows =
        reopened.store.usage_records(UsageFilter::default(), UsagePage { before: None, limit: 10 }).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert!(rows[0].success && rows[0].tokens.estimated);
}

async fn a_repeated_request_is_answered_once(store: TestStore) {
    use arash_core::turn::IdempotencyKey;
    let provider = ScriptedProvider::default();
    let engine = engine(&store, &provider).await;
    let principal = caller(&engine, "careful", Some(1), None).await;
    let repeated = |text: &str| {
        let key = IdempotencyKey::new("key:1:chat", "abc").unwrap();
        request(&principal, "chat", text).idempotency_key(key)
    };
    let first = engine.process(repeated("hello")).await.unwrap();
    assert!(!first.receipt.replayed);
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let (engine, request) = (engine.clone(), repeated("hello"));
        tasks.spawn(async move { engine.process(request).await });
    }
    for result in tasks.join_all().await {
        match result {
            Ok(again) => {
                assert!(again.receipt.replayed);
                assert_eq!((again.text, again.receipt.turn_id), (first.text.clone(), first.receipt.turn_id));
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::IdempotencyInProgress),
        }
    }
    let other = engine.process(repeated("something else")).await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::IdempotencyMismatch);
    assert_eq!(provider.calls(), 1);
    assert_eq!(records(&engine, &principal).await.len(), 1);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn what_is_refused_costs_nothing(store: TestStore) {
    let limited = arash_core::Platform::private("limited").models(["test/one"]).rate_limit(3);
    let engine = builder(&store, &ScriptedProvider::default()).platform(limited).build().await.unwrap();
    let principal = caller(&engine, "poor", Some(0), None).await;
    let ask = |text: &str| {
        let message = arash_core::IncomingMessage::text("limited", "user", "chat", text);
        engine.process(arash_core::TurnRequest::new(message).principal(Arc::clone(&principal)))
    };
    for _ in 0..5 {
        assert_eq!(ask("hello").await.unwrap_err().kind(), ErrorKind::QuotaExceeded);
    }
    for _ in 0..3 {
        assert_eq!(ask("/help").await.unwrap().receipt.command.as_deref(), Some("help"), "commands take no quota");
    }
    assert_eq!(ask("/help").await.unwrap_err().kind(), ErrorKind::RateLimited, "but they count as messages");
    assert_eq!(records(&engine, &principal).await.len(), 3);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn to_ask_for_the_rate_limit_takes_nothing_of_it(store: TestStore) {
    let limited = arash_core::Platform::public("open").models(["test/one"]).rate_limit(2);
    let engine = builder(&store, &ScriptedProvider::default()).platform(limited).build().await.unwrap();
    for _ in 0..2 {
        for _ in 0..5 {
            engine.check_rate_limit("open", "user").await.unwrap();
        }
        engine.process(arash_core::IncomingMessage::text("open", "user", "chat", "hello")).await.unwrap();
    }
    let refused = engine.check_rate_limit("open", "user").await.unwrap_err();
    assert!(refused.kind() == ErrorKind::RateLimited && refused.retry_after().is_some());
    engine.check_rate_limit("open", "other").await.unwrap();
    assert_eq!(engine.check_rate_limit("nowhere", "user").await.unwrap_err().kind(), ErrorKind::InvalidInput);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_failed_result_is_given_again_too(store: TestStore) {
    let provider = ScriptedProvider::default();
    let engine = engine(&store, &provider).await;
    let principal = caller(&engine, "unlucky", None, None).await;
    provider.push(Script::failing(arash_core::ai::AiErrorKind::Overloaded));
    provider.push(Script::saying("too late"));
    for is_replayed in [false, true] {
        let key = arash_core::turn::IdempotencyKey::new("key:1:chat", "abc").unwrap();
        let error = engine.process(request(&principal, "chat", "hi").idempotency_key(key)).await.unwrap_err();
        assert_eq!((error.kind(), error.is_replayed()), (ErrorKind::AiService, is_replayed));
    }
    assert_eq!(provider.calls(), 1);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_panic_costs_one_answer(store: TestStore) {
    let provider = ScriptedProvider::default();
    let engine = engine(&store, &provider).await;
    let principal = caller(&engine, "brave", Some(1), None).await;
    provider.push(Script::new([Step::Panic]));
    provider.push(Script::saying("well again"));
    let broken = engine.process(request(&principal, "chat", "hi")).await.unwrap_err();
    assert_eq!(broken.kind(), ErrorKind::Internal);
    assert_eq!(engine.process(request(&principal, "chat", "hi")).await.unwrap().text, "well again");
    let rows = records(&engine, &principal).await;
    assert_eq!(rows.iter().map(|row| row.success).collect::<Vec<_>>(), [true, false]);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn shutdown_ends_what_hangs_and_records_it(store: TestStore) {
    let provider = ScriptedProvider::default();
    let engine = engine(&store, &provider).await;
    let principal = caller(&engine, "patient", None, None).await;
    provider.push(Script::new([Step::say("half an answer"), Step::Hang]));
    let mut stream = engine.stream(request(&principal, "chat", "hi")).await.unwrap();
    assert!(matches!(stream.next().await, Some(ReplyEvent::Delta(_))));
    engine.shutdown(Duration::from_millis(50)).await;
    assert!(matches!(stream.next().await, Some(ReplyEvent::Failed(error)) if error.kind() == ErrorKind::Unavailable));
    let late = engine.process(request(&principal, "chat", "hi")).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Unavailable);
    let store = store.reopen().await;
    let rows = store.store.usage_records(UsageFilter::default(), UsagePage { before: None, limit: 9 }).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert!(!rows[0].success && rows[0].tokens.estimated && rows[0].tokens.completion_tokens > 0);
}
