//! Answers that are stopped end with what has come so far, once, and hold up nobody.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails panics")]

#[path = "support/answers.rs"]
mod answers;
#[path = "support/engines.rs"]
mod engines;
#[path = "support/faulty.rs"]
mod faulty;
#[path = "support/stores.rs"]
mod stores;
#[path = "support/talk.rs"]
mod talk;

use std::sync::Arc;
use std::time::{Duration, Instant};

use answers::{read, records, soon, text};
use arash_core::command::{CommandCall, CommandContext, CommandHandler, CommandReply, CommandSpec};
use arash_core::id::TurnId;
use arash_core::quota::{Allowance, Period};
use arash_core::team::Principal;
use arash_core::testing::{Script, ScriptedProvider, Step};
use arash_core::turn::{IdempotencyKey, TurnState};
use arash_core::usage::TurnKind;
use arash_core::{Engine, ErrorKind, Result, TurnRequest};
use engines::{builder, caller, engine, request};
use faulty::{Faults, faulty};
use stores::TestStore;
use talk::{piece, said, until};
use tokio::sync::Notify;

on_each_store! {
    a_stopped_stream_ends_with_what_has_come
    a_stop_before_the_first_word_leaves_nothing_behind
    a_whole_answer_is_stopped_too
    only_a_running_answer_is_stopped_and_only_once
    a_command_is_stopped
    a_stopped_request_replays_as_stopped
    who_waits_for_the_session_goes_on
    a_stop_before_the_turn_is_known_as_begun
    what_is_being_recorded_runs_no_longer
}

async fn used(engine: &Engine, principal: &Principal) -> u64 {
    engine.quotas().standing(&Allowance::of(principal), Period::Daily).await.unwrap().used
}

/// Says this, piece by piece, and then nothing more.
fn hanging(pieces: &[&str]) -> Script {
    Script::new(pieces.iter().map(|&piece| Step::say(piece)).chain([Step::Hang]))
}

/// Makes the next call wait to be let go.
fn hold(faults: &Faults) -> Arc<Notify> {
    let go_on = Arc::new(Notify::new());
    let gate = Arc::clone(&go_on);
    faults.push(async move {
        gate.notified().await;
        Ok(())
    });
    go_on
}

async fn a_stopped_stream_ends_with_what_has_come(store: TestStore) {
    let provider = ScriptedProvider::new([hanging(&["one ", "two "]), Script::saying("three")]);
    let engine = engine(&store, &provider).await;
    let principal = caller(&engine, "impatient", Some(5), None).await;
    let mut stream = engine.stream(request(&principal, "chat", "hello")).await.unwrap();
    let mut heard = String::new();
    while heard != "one two " {
        heard.push_str(&piece(&mut stream).await);
    }
    let stopped = Instant::now();
    engine.stop(stream.turn_id(), &principal).unwrap();
    let (pieces, end) = read(stream).await;
    assert!(stopped.elapsed() < Duration::from_secs(1), "{:?}", stopped.elapsed());
    let reply = end.unwrap();
    assert_eq!((pieces.len(), reply.text.as_str(), reply.receipt.stopped), (0, "one two ", true));
    assert_eq!((reply.receipt.message_count, reply.receipt.history_length), (1, 2));
    assert_eq!(provider.running(), 0, "the provider is let go of");
    let rows = records(&store).await;
    assert_eq!((rows.len(), rows[0].success, rows[0].error.as_deref()), (1, true, None));
    assert!(rows[0].tokens.estimated && rows[0].tokens.completion_tokens > 0, "{:?}", rows[0]);
    assert_eq!(used(&engine, &principal).await, 1);
    let next = soon(engine.process(request(&principal, "chat", "go on"))).await.unwrap();
    assert_eq!((next.receipt.message_count, next.receipt.stopped), (2, false));
    let context = &provider.requests()[1].messages;
    assert_eq!(context.iter().map(|message| &*message.text).collect::<Vec<_>>(), ["hello", "one two ", "go on"]);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_stop_before_the_first_word_leaves_nothing_behind(store: TestStore) {
    let provider = ScriptedProvider::new([hanging(&[]), Script::saying("well")]);
    let engine = engine(&store, &provider).await;
    let principal = caller(&engine, "impatient", Some(5), None).await;
    let stream = engine.stream(request(&principal, "chat", "hello")).await.unwrap();
    until(async || provider.running() == 1).await;
    engine.stop(stream.turn_id(), &principal).unwrap();
    let (pieces, end) = read(stream).await;
    let reply = end.unwrap();
    assert_eq!((pieces.len(), reply.text.as_str(), reply.receipt.stopped), (0, "", true));
    assert_eq!((reply.receipt.message_count, reply.receipt.history_length), (0, 0));
    let key = engine.session_key(&reply.receipt.session_id).unwrap();
    assert_eq!(engine.sessions().get(&key).await.unwrap_err().kind(), ErrorKind::NotFound);
    let rows = records(&store).await;
    assert_eq!((rows.len(), rows[0].success, rows[0].kind), (1, true, TurnKind::Stream));
    assert_eq!(used(&engine, &principal).await, 1);
    let next = soon(engine.process(request(&principal, "chat", "hello"))).await.unwrap();
    assert_eq!((next.receipt.message_count, next.receipt.history_length), (1, 2));
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_whole_answer_is_stopped_too(store: TestStore) {
    let provider = ScriptedProvider::new([hanging(&["half an ", "answer"])]);
    let engine = engine(&store, &provider).await;
    let (reply, turn_id) = soon(async {
        tokio::join!(engine.process(said("hello")), async {
            until(async || provider.running() == 1).await;
            // Its pieces come at once.
            tokio::time::sleep(Duration::from_millis(20)).await;
            let turn_id = provider.requests()[0].turn_id;
            engine.stop_any(turn_id).unwrap();
            turn_id
        })
    })
    .await;
    let reply = reply.unwrap();
    assert_eq!((reply.receipt.turn_id, reply.text.as_str(), reply.receipt.stopped), (turn_id, "half an answer", true));
    assert_eq!(
        records(&store).await.iter().map(|row| (row.kind, row.success)).collect::<Vec<_>>(),
        [(TurnKind::Chat, true)]
    );
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn only_a_running_answer_is_stopped_and_only_once(store: TestStore) {
    let provider = ScriptedProvider::new([hanging(&["one"]), Script::saying("two")]);
    let engine = engine(&store, &provider).await;
    let (owner, other) = (caller(&engine, "owner", None, None).await, caller(&engine, "other", None, None).await);
    let mut stream = engine.stream(request(&owner, "chat", "hello")).await.unwrap();
    let turn_id = stream.turn_id();
    piece(&mut stream).await;
    let kind = |result: Result<()>| result.unwrap_err().kind();
    assert_eq!(kind(engine.stop(turn_id, &other)), ErrorKind::NotFound, "another team's");
    assert_eq!(kind(engine.stop(TurnId::new(), &owner)), ErrorKind::NotFound);
    engine.stop(turn_id, &owner).unwrap();
    assert_eq!(kind(engine.stop(turn_id, &owner)), ErrorKind::NotFound);
    assert!(soon(stream.finish()).await.unwrap().receipt.stopped);
    assert_eq!(kind(engine.stop(turn_id, &owner)), ErrorKind::NotFound);
    let ended = soon(engine.process(said("hello"))).await.unwrap();
    assert_eq!(kind(engine.stop_any(ended.receipt.turn_id)), ErrorKind::NotFound);
    assert_eq!(records(&store).await.len(), 2);
    engine.shutdown(Duration::from_secs(5)).await;
}

struct Hanging;

#[async_trait::async_trait]
impl CommandHandler for Hanging {
    fn spec(&self) -> CommandSpec {
        CommandSpec::new("hang", "Never answers.")
    }

    async fn run(&self, _call: CommandCall<'_>, _context: CommandContext<'_>) -> Result<CommandReply> {
        std::future::pending().await
    }
}

async fn a_command_is_stopped(store: TestStore) {
    let engine = builder(&store, &ScriptedProvider::default()).command(Hanging).build().await.unwrap();
    let principal = caller(&engine, "impatient", Some(5), None).await;
    let stream = engine.stream(request(&principal, "chat", "/hang")).await.unwrap();
    engine.stop(stream.turn_id(), &principal).unwrap();
    let reply = soon(stream.finish()).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.receipt.stopped), ("", true));
    let rows = records(&store).await;
    assert_eq!((rows.len(), rows[0].kind, rows[0].success, rows[0].tokens.total()), (1, TurnKind::Command, true, 0));
    assert_eq!(used(&engine, &principal).await, 0);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_stopped_request_replays_as_stopped(store: TestStore) {
    let provider = ScriptedProvider::new([hanging(&["half"])]);
    let engine = engine(&store, &provider).await;
    let key = IdempotencyKey::new("key:1:chat", "once").unwrap();
    let ask = || TurnRequest::new(said("hello")).idempotency_key(key.clone());
    let mut stream = engine.stream(ask()).await.unwrap();
    let turn_id = stream.turn_id();
    piece(&mut stream).await;
    engine.stop_any(turn_id).unwrap();
    soon(stream.finish()).await.unwrap();
    assert_eq!(store.store.find_turn(&key).await.unwrap().unwrap().state, TurnState::Stopped);
    let again = soon(engine.process(ask())).await.unwrap();
    assert_eq!((again.text.as_str(), again.receipt.turn_id), ("half", turn_id));
    assert!(again.receipt.stopped && again.receipt.replayed);
    assert_eq!((provider.calls(), records(&store).await.len()), (1, 1));
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn who_waits_for_the_session_goes_on(store: TestStore) {
    let engine = engine(&store, &ScriptedProvider::new([hanging(&["one"]), Script::saying("two")])).await;
    let mut first = engine.stream(said("first")).await.unwrap();
    piece(&mut first).await;
    let second = engine.process(said("second"));
    tokio::pin!(second);
    assert!(futures_util::poll!(&mut second).is_pending());
    engine.stop_any(first.turn_id()).unwrap();
    let reply = soon(second).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.receipt.message_count), ("two", 2));
    assert!(soon(first.finish()).await.unwrap().receipt.stopped);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_stop_before_the_turn_is_known_as_begun(store: TestStore) {
    let (store, plan) = faulty(store);
    let provider = ScriptedProvider::new([hanging(&["one ", "two"])]);
    let engine = engine(&store, &provider).await;
    let begun = hold(&plan.begin);
    let stream = engine.stream(said("hello")).await.unwrap();
    until(async || provider.running() == 1 && plan.begin.calls() == 1).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    engine.stop_any(stream.turn_id()).unwrap();
    until(async || provider.running() == 0).await;
    begun.notify_one();
    let (pieces, end) = read(stream).await;
    let reply = end.unwrap();
    assert_eq!((text(&pieces), reply.text.as_str()), ("one two".to_owned(), "one two"), "it is told after all");
    assert!(reply.receipt.stopped);
    engine.shutdown(Duration::from_secs(5)).await;
    let store = store.reopen().await;
    assert_eq!(records(&store).await.len(), 1);
    let begun = store.store.lost_turns(arash_core::clock::Timestamp::from_millis(i64::MAX), 10).await.unwrap();
    assert!(begun.is_empty(), "{begun:?}");
}

async fn what_is_being_recorded_runs_no_longer(store: TestStore) {
    let (store, plan) = faulty(store);
    let engine = engine(&store, &ScriptedProvider::default()).await;
    let recorded = hold(&plan.commit);
    let stream = engine.stream(said("hello")).await.unwrap();
    until(async || plan.commit.calls() == 1).await;
    assert_eq!(engine.stop_any(stream.turn_id()).unwrap_err().kind(), ErrorKind::NotFound);
    recorded.notify_one();
    assert!(!soon(stream.finish()).await.unwrap().receipt.stopped);
    assert_eq!(records(&store).await.len(), 1);
    engine.shutdown(Duration::from_secs(5)).await;
}
