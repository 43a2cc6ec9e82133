//! Answers that are stopped at moments of chance: one record each, whole conversations, and one truth about each.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test that fails panics, and prints its seed")]

#[path = "support/answers.rs"]
mod answers;
#[path = "support/engines.rs"]
mod engines;
#[path = "support/random.rs"]
mod random;
#[path = "support/stores.rs"]
mod stores;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use answers::{read, records, soon, text};
use arash_core::Engine;
use arash_core::ai::AiErrorKind;
use arash_core::clock::Timestamp;
use arash_core::quota::{Allowance, Period};
use arash_core::team::Principal;
use arash_core::testing::{Script, ScriptedProvider, Step};
use arash_core::usage::TokenUsage;
use engines::{caller, engine, request};
use random::Random;
use stores::TestStore;
use tokio::task::JoinSet;

on_each_store! {
    answers_that_are_stopped_at_any_moment_are_recorded_once
    of_many_who_stop_one_answer_one_does
}

const CHATS: u64 = 6;
/// Times the chats: 300.
const TURNS: u64 = 50;
const PIECES: usize = 4;

/// What became of one turn.
struct Told {
    question: String,
    /// Empty if it failed, or was stopped before the first word: nothing is kept then.
    answer: String,
    is_stopped: bool,
    has_failed: bool,
}

/// Pieces with short pauses, and then sometimes the provider's own count, or a failure.
fn script(random: &mut Random) -> Script {
    let pieces = (0..PIECES).flat_map(|number| [Step::say(format!("piece {number} ")), Step::Pause(PAUSE)]);
    let end = match random.below(3) {
        0 => Some(Step::Usage(TokenUsage { prompt_tokens: 7, completion_tokens: 5, estimated: false })),
        1 => Some(Step::Fail(AiErrorKind::Timeout)),
        _ => None,
    };
    Script::new(pieces.chain(end))
}

const PAUSE: Duration = Duration::from_micros(300);

/// Asks one question after the other in a chat, and stops each answer at some moment.
async fn talk(engine: Engine, principal: Arc<Principal>, chat: u64, mut random: Random) -> Vec<Told> {
    let mut said = Vec::new();
    for number in 0..TURNS {
        let question = format!("question {number}");
        let asked = request(&principal, &chat.to_string(), &question);
        let (is_whole, moment) = (random.below(4) == 0, Duration::from_micros(random.below(6_000)));
        let (result, is_stopped) = if is_whole {
            // Its id is nobody's to know while it runs, so it is not stopped.
            (soon(engine.process(asked)).await, false)
        } else {
            let stream = engine.stream(asked).await.unwrap();
            let turn_id = stream.turn_id();
            let ((pieces, end), stopped) = tokio::join!(read(stream), async {
                tokio::time::sleep(moment).await;
                engine.stop(turn_id, &principal)
            });
            assert!(end.as_ref().ok().is_none_or(|reply| reply.text == text(&pieces)));
            (end, stopped.is_ok())
        };
        let has_failed = result.is_err();
        let told_stopped = result.as_ref().is_ok_and(|reply| reply.receipt.stopped);
        assert_eq!(told_stopped, is_stopped, "who is told that it is stopped can rely on it");
        let answer = result.map(|reply| reply.text).unwrap_or_default();
        said.push(Told { question, answer, is_stopped, has_failed });
    }
    said
}

async fn answers_that_are_stopped_at_any_moment_are_recorded_once(store: TestStore) {
    let mut random = Random::seeded("STOP_SEED");
    let provider = ScriptedProvider::new((0..CHATS * TURNS).map(|_| script(&mut random)));
    let engine = engine(&store, &provider).await;
    let principal = caller(&engine, "impatient", Some(1_000), None).await;
    let mut chats = JoinSet::new();
    for chat in 0..CHATS {
        let (engine, principal, random) = (engine.clone(), Arc::clone(&principal), Random(random.below(u64::MAX) + 1));
        chats.spawn(async move { (chat, talk(engine, principal, chat, random).await) });
    }
    let said: HashMap<u64, Vec<Told>> = chats.join_all().await.into_iter().collect();
    let stopped = said.values().flatten().filter(|told| told.is_stopped).count();
    assert!(stopped > 30, "{stopped} of them were stopped");
    for (chat, told) in &said {
        provider.push(Script::saying("and this is all"));
        let last = soon(engine.process(request(&principal, &chat.to_string(), "?"))).await.unwrap();
        let kept: Vec<&Told> = told.iter().filter(|told| !told.answer.is_empty()).collect();
        assert_eq!(last.receipt.message_count, kept.len() as u64 + 1);
        let context = provider.requests().pop().unwrap().messages;
        let heard: Vec<&str> = context.iter().map(|message| &*message.text).collect();
        let expected = kept.iter().flat_map(|told| [told.question.as_str(), told.answer.as_str()]).chain(["?"]);
        assert_eq!(heard, expected.collect::<Vec<_>>(), "the conversation is whole and in order");
    }
    let count = CHATS * TURNS + CHATS;
    let used = engine.quotas().standing(&Allowance::of(&principal), Period::Daily).await.unwrap().used;
    assert_eq!(used, count, "each counts once");
    engine.shutdown(Duration::from_secs(20)).await;
    let store = store.reopen().await;
    let rows = records(&store).await;
    let turns: HashSet<_> = rows.iter().map(|row| row.turn_id).collect();
    assert_eq!((rows.len() as u64, turns.len()), (count, rows.len()));
    assert!(rows.iter().all(|row| row.tokens.prompt_tokens > 0));
    let failed = said.values().flatten().filter(|told| told.has_failed).count();
    assert_eq!((rows.iter().filter(|row| !row.success).count(), failed > 0), (failed, true));
    assert!(store.store.lost_turns(Timestamp::from_millis(i64::MAX), 10).await.unwrap().is_empty());
}

async fn of_many_who_stop_one_answer_one_does(store: TestStore) {
    let provider = ScriptedProvider::new([Script::new([Step::say("half"), Step::Hang])]);
    let engine = engine(&store, &provider).await;
    let principal = caller(&engine, "impatient", None, None).await;
    for turn in 1..=20 {
        let stream = engine.stream(request(&principal, "chat", "hello")).await.unwrap();
        let turn_id = stream.turn_id();
        let mut stops = JoinSet::new();
        for _ in 0..8 {
            let (engine, principal) = (engine.clone(), Arc::clone(&principal));
            stops.spawn(async move { engine.stop(turn_id, &principal).is_ok() });
        }
        let stops = soon(stops.join_all()).await;
        assert_eq!(stops.iter().filter(|&&is_stopped| is_stopped).count(), 1);
        assert!(soon(stream.finish()).await.unwrap().receipt.stopped);
        assert_eq!(records(&store).await.len(), turn);
    }
    assert_eq!(provider.running(), 0);
    engine.shutdown(Duration::from_secs(5)).await;
    assert_eq!(records(&store.reopen().await).await.len(), 20);
}
