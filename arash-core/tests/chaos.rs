//! Two engines on one store, with providers that fail, callers that go away, and a quota that runs out: afterwards
//! every sum is that of its rows.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that fails panics, and says how to repeat it"
)]

#[path = "support/engines.rs"]
mod engines;
#[path = "support/random.rs"]
mod random;
#[path = "support/stores.rs"]
mod stores;

use std::sync::Arc;
use std::time::Duration;

use arash_core::ai::AiErrorKind;
use arash_core::clock::Timestamp;
use arash_core::id::NodeId;
use arash_core::message::Role;
use arash_core::quota::{Allowance, Period, QuotaKeeper};
use arash_core::team::Principal;
use arash_core::testing::{ManualClock, Script, ScriptedProvider, Step};
use arash_core::usage::{TurnKind, UsageFilter, UsagePage, UsageRecord};
use arash_core::{Engine, ErrorKind};
use engines::{builder, caller, engine, request};
use random::Random;
use stores::TestStore;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

on_each_store! {
    what_was_counted_is_what_was_recorded
}

const MESSAGES: u64 = 800;
const CHATS: u64 = 12;
const DAILY: u64 = 150;
const EVERYTHING: UsagePage = UsagePage { before: None, limit: 10_000 };

fn script(random: &mut Random) -> Script {
    match random.below(5) {
        0 => Script::failing(AiErrorKind::Connect),
        1 => Script::new([Step::say("half"), Step::Fail(AiErrorKind::Timeout)]),
        2 => Script::new([Step::Pause(Duration::from_millis(2)), Step::say("late")]),
        3 => Script::new([Step::Panic]),
        _ => Script::saying("at once"),
    }
}

async fn what_was_counted_is_what_was_recorded(store: TestStore) {
    let mut random = Random::seeded("CHAOS_SEED");
    let provider = ScriptedProvider::new((0..MESSAGES * 2).map(|_| script(&mut random)));
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_762_000_200_000)));
    let mut engines = Vec::new();
    for _ in 0..2 {
        engines.push(builder(&store, &provider).clock(clock.clone()).build().await.unwrap());
    }
    let principal = caller(&engines[0], "busy", Some(DAILY), Some(DAILY * 3)).await;
    send_all(&mut random, &engines, &principal, &clock).await;
    // Who waits for a session comes after all that came before: when these are answered, no other turn runs.
    for chat in 0..CHATS {
        for engine in &engines {
            engine.process(request(&principal, &format!("chat-{chat}"), "/status")).await.unwrap();
        }
    }
    let rows = records(&store, &principal).await;
    let counted = rows.iter().filter(|row| is_counted(row)).count() as u64;
    let used = engines[0].quotas().standing(&Allowance::of(&principal), Period::Daily).await.unwrap().used;
    assert!(counted > 0 && counted <= DAILY, "{counted} of {DAILY}");
    assert_eq!(used, counted);
    let report = engines[0].usage().report(of_team(&principal), 1).await.unwrap();
    assert_eq!(report.totals.requests, rows.len() as u64);
    assert_eq!(report.totals.succeeded, rows.iter().filter(|row| row.success).count() as u64);
    assert_eq!(free_places(&store, &principal, &clock).await, DAILY - used, "what was not used is free again");
    check_conversations(&store, &engines[0], &principal).await;
    drop(engines);
    let store = store.reopen().await;
    let engine = engine(&store, &provider).await;
    assert_eq!(engine.usage().recent(of_team(&principal), EVERYTHING).await.unwrap(), rows);
}

/// Sends messages by both engines; some callers go away.
async fn send_all(random: &mut Random, engines: &[Engine], principal: &Arc<Principal>, clock: &ManualClock) {
    let (mut tasks, mut leaving) = (JoinSet::new(), Vec::new());
    for number in 0..MESSAGES {
        let text = if random.below(9) == 0 { "/clear" } else { "hello" };
        let request = request(principal, &format!("chat-{}", random.below(CHATS)), text);
        let engine = engines[random.below(2) as usize].clone();
        let task = tasks.spawn(async move { engine.process(request).await });
        if random.below(4) == 0 {
            leaving.push(task);
        }
        clock.advance(Duration::from_millis(50));
        if number % 20 == 0 {
            // A moment for some of what runs to come to an end.
            tokio::time::sleep(Duration::from_millis(2)).await;
            leaving.drain(..).for_each(|task| task.abort());
            engines[random.below(2) as usize].quotas().upkeep().await.unwrap();
        }
    }
    while let Some(joined) = tasks.join_next().await {
        if let Ok(Err(error)) = joined {
            let is_known = matches!(
                error.kind(),
                ErrorKind::AiService
                    | ErrorKind::AiTimeout
                    | ErrorKind::Internal
                    | ErrorKind::QuotaExceeded
                    | ErrorKind::SessionBusy
                    | ErrorKind::Conflict
            );
            assert!(is_known, "{error:?}");
        }
    }
}

/// An answer counts, and what was read of one that failed; one that could not be kept does not.
fn is_counted(row: &UsageRecord) -> bool {
    let began = row.success || row.tokens.completion_tokens > 0;
    row.kind == TurnKind::Chat && began && row.error.as_deref() != Some(ErrorKind::Conflict.code())
}

fn of_team(principal: &Principal) -> UsageFilter {
    UsageFilter { team: Some(principal.team_id()), key: None }
}

async fn records(store: &TestStore, principal: &Principal) -> Vec<UsageRecord> {
    store.store.usage_records(of_team(principal), EVERYTHING).await.unwrap()
}

/// How many requests a third node is granted once the leases of the first two are over.
async fn free_places(store: &TestStore, principal: &Principal, clock: &Arc<ManualClock>) -> u64 {
    clock.advance(Duration::from_secs(61));
    let keeper = QuotaKeeper::new(NodeId::new(), store.store.clone(), clock.clone(), TaskTracker::new());
    keeper.upkeep().await.unwrap();
    let mut granted = Vec::new();
    while let Ok(reservation) = keeper.reserve(&Allowance::of(principal)).await {
        granted.push(reservation);
    }
    granted.len() as u64
}

/// Each conversation is questions with their answers, as many as it says.
async fn check_conversations(store: &TestStore, engine: &Engine, principal: &Principal) {
    for chat in 0..CHATS {
        let key = engine.session_key(&format!("internal_{}_chat-{chat}", principal.team_id())).unwrap();
        let session = store.store.load(&key, 10_000, Timestamp::default()).await.unwrap().unwrap();
        let roles: Vec<_> = session.history.iter().map(|message| message.role).collect();
        assert!(roles.chunks(2).all(|pair| pair == [Role::User, Role::Assistant]), "{key}: {roles:?}");
        let messages = roles.len() as u64;
        assert_eq!((session.stored_messages, session.message_count), (messages, messages / 2), "{key}");
    }
}
