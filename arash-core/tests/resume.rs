//! Answers are read on from any event, by any number, also after their end.
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

#[path = "support/answers.rs"]
mod answers;
#[path = "support/engines.rs"]
mod engines;
#[path = "support/stores.rs"]
mod stores;
#[path = "support/talk.rs"]
mod talk;

use std::sync::Arc;
use std::time::Duration;

use answers::{read, records, soon, text};
use arash_core::clock::Timestamp;
use arash_core::id::TurnId;
use arash_core::testing::{ManualClock, Script, ScriptedProvider, Step};
use arash_core::turn::IdempotencyKey;
use arash_core::{ErrorKind, ReplyEvent, TurnRequest};
use engines::{builder, caller, engine, request};
use stores::TestStore;
use talk::{piece, said, until};
use tokio::sync::Notify;
use tokio::task::JoinSet;

on_each_store! {
    from_each_position_the_rest_is_the_same
    who_goes_away_reads_on_from_where_he_was
    many_follow_one_answer
    only_its_own_team_and_an_admin_follow_an_answer
    a_failed_answer_can_be_read_again
    a_replay_is_read_on_as_the_first_answer_is
}

/// Says so many words and each only when it is let go.
fn gated(words: usize) -> (Script, Arc<Notify>) {
    let gate = Arc::new(Notify::new());
    let steps = (0..words).flat_map(|number| [Step::WaitFor(Arc::clone(&gate)), Step::say(format!("{number} "))]);
    (Script::new(steps.collect::<Vec<_>>()), gate)
}

async fn from_each_position_the_rest_is_the_same(store: TestStore) {
    const WORDS: usize = 6;
    let (script, gate) = gated(WORDS);
    let engine = engine(&store, &ScriptedProvider::new([script])).await;
    let mut stream = engine.stream(said("hello")).await.unwrap();
    let turn_id = stream.turn_id();
    assert_eq!(stream.position(), None);
    let mut followers = JoinSet::new();
    let follow = |followers: &mut JoinSet<_>, after: Option<usize>| {
        let stream = engine.resume_any(turn_id, after).unwrap();
        followers.spawn(async move { (after, read(stream).await) });
    };
    follow(&mut followers, None);
    for number in 0..WORDS {
        let early = engine.resume_any(turn_id, Some(number)).unwrap_err();
        assert_eq!(early.kind(), ErrorKind::InvalidInput, "that event was not told yet");
        gate.notify_one();
        assert_eq!(piece(&mut stream).await, format!("{number} "));
        assert_eq!(stream.position(), Some(number));
        follow(&mut followers, stream.position());
    }
    let whole = soon(stream.finish()).await.unwrap();
    // The last position is that of the end itself.
    for after in [None].into_iter().chain((0..WORDS).map(Some)) {
        follow(&mut followers, after);
    }
    for (after, (pieces, end)) in soon(followers.join_all()).await {
        let first = after.map_or(0, |position| position + 1);
        let expected: Vec<_> = (first..WORDS).map(|number| (number, format!("{number} "))).collect();
        assert_eq!((pieces, end.unwrap()), (expected, whole.clone()), "after {after:?}");
    }
    assert!(soon(engine.resume_any(turn_id, Some(WORDS)).unwrap().next()).await.is_none());
    for beyond in [WORDS + 1, usize::MAX] {
        assert_eq!(engine.resume_any(turn_id, Some(beyond)).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn who_goes_away_reads_on_from_where_he_was(store: TestStore) {
    let (script, gate) = gated(4);
    let engine = engine(&store, &ScriptedProvider::new([script])).await;
    let principal = caller(&engine, "mobile", None, None).await;
    let mut stream = engine.stream(request(&principal, "chat", "hello")).await.unwrap();
    gate.notify_one();
    let mut heard = vec![(0, piece(&mut stream).await)];
    let (turn_id, position) = (stream.turn_id(), stream.position());
    drop(stream);
    for number in 1..4 {
        gate.notify_one();
        until(async || engine.resume(turn_id, &principal, Some(number)).is_ok()).await;
    }
    let (rest, end) = read(engine.resume(turn_id, &principal, position).unwrap()).await;
    heard.extend(rest);
    assert_eq!((text(&heard), end.unwrap().text.as_str()), ("0 1 2 3 ".to_owned(), "0 1 2 3 "));
    engine.shutdown(Duration::from_secs(5)).await;
    assert_eq!(records(&store.reopen().await).await.len(), 1);
}

async fn many_follow_one_answer(store: TestStore) {
    const WORDS: usize = 40;
    let steps =
        (0..WORDS).flat_map(|number| [Step::say(format!("{number} ")), Step::Pause(Duration::from_micros(500))]);
    let engine = engine(&store, &ScriptedProvider::new([Script::new(steps)])).await;
    let mut stream = engine.stream(said("hello")).await.unwrap();
    let beginning = piece(&mut stream).await;
    let (turn_id, mut readers) = (stream.turn_id(), JoinSet::new());
    for number in 0..50 {
        let stream = engine.resume_any(turn_id, (number % 2 == 0).then_some(0)).unwrap();
        readers.spawn(async move { (number, read(stream).await) });
        tokio::time::sleep(Duration::from_micros(300)).await;
    }
    // Nobody reads these on.
    let _stalled: Vec<_> = (0..50).map(|_| engine.resume_any(turn_id, None).unwrap()).collect();
    let whole = soon(stream.finish()).await.unwrap();
    for (number, (pieces, end)) in soon(readers.join_all()).await {
        let first = usize::from(number % 2 == 0);
        assert!(pieces.iter().map(|(position, _)| *position).eq(first..first + pieces.len()), "in order, once");
        let skipped = if number % 2 == 0 { beginning.as_str() } else { "" };
        assert_eq!((format!("{skipped}{}", text(&pieces)), end.unwrap()), (whole.text.clone(), whole.clone()));
    }
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn only_its_own_team_and_an_admin_follow_an_answer(store: TestStore) {
    let engine = engine(&store, &ScriptedProvider::default()).await;
    let admin = engine.keys().create_first(None).await.unwrap().unwrap();
    let admin = engine.authenticate(admin.secret.expose()).await.unwrap();
    let (owner, other) = (caller(&engine, "owner", None, None).await, caller(&engine, "other", None, None).await);
    let own = engine.stream(request(&owner, "chat", "hello")).await.unwrap().turn_id();
    let of_the_host = engine.stream(said("hello")).await.unwrap().turn_id();
    let is_found = |turn_id, principal| match engine.resume(turn_id, principal, None) {
        Ok(stream) => stream.turn_id() == turn_id,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::NotFound);
            false
        }
    };
    assert!(is_found(own, &owner) && is_found(own, &admin) && !is_found(own, &other));
    assert!(!is_found(of_the_host, &owner) && is_found(of_the_host, &admin));
    assert!(engine.resume_any(of_the_host, None).is_ok() && engine.resume_any(own, None).is_ok());
    assert!(!is_found(TurnId::new(), &admin));
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_failed_answer_can_be_read_again(store: TestStore) {
    let script = Script::new([Step::say("half"), Step::Fail(arash_core::ai::AiErrorKind::Timeout)]);
    let engine = engine(&store, &ScriptedProvider::new([script])).await;
    let stream = engine.stream(said("hello")).await.unwrap();
    let turn_id = stream.turn_id();
    let first = read(stream).await;
    let again = read(engine.resume_any(turn_id, None).unwrap()).await;
    assert_eq!((&again.0, again.1.unwrap_err().kind()), (&first.0, ErrorKind::AiTimeout));
    assert_eq!(first.0, [(0, "half".to_owned())]);
    engine.shutdown(Duration::from_secs(5)).await;
}

async fn a_replay_is_read_on_as_the_first_answer_is(store: TestStore) {
    let script =
        Script::new([Step::say("one "), Step::say("two "), Step::Pause(Duration::from_millis(5)), Step::say("three")]);
    let engine = engine(&store, &ScriptedProvider::new([script])).await;
    let key = IdempotencyKey::new("host", "abc").unwrap();
    let ask = || TurnRequest::new(said("hello")).idempotency_key(key.clone());
    let first = engine.stream(ask()).await.unwrap();
    let turn_id = first.turn_id();
    assert!(!first.is_replayed());
    read(first).await.1.unwrap();
    let mut replay = engine.stream(ask()).await.unwrap();
    assert_eq!((replay.turn_id(), replay.is_replayed(), replay.position()), (turn_id, true, None));
    assert_eq!(piece(&mut replay).await, "one two three", "in one piece");
    // Whoever loses the replay here has all the text, and is told the end.
    let mut rest = engine.resume_any(turn_id, replay.position()).unwrap();
    assert!(matches!(soon(rest.next()).await, Some(ReplyEvent::Done(_))));
    assert!(matches!(soon(replay.next()).await, Some(ReplyEvent::Done(reply)) if reply.receipt.replayed));
    assert_eq!(rest.position(), replay.position());
    engine.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn an_answer_is_there_for_five_minutes_after_its_end_if_it_was_streamed() {
    let clock = ManualClock::new(Timestamp::from_millis(1_762_000_200_000));
    let provider = ScriptedProvider::default();
    let engine = builder(&stores::memory(), &provider).clock(Arc::new(clock.clone())).build().await.unwrap();
    let stream = engine.stream(said("hello")).await.unwrap();
    let streamed = stream.turn_id();
    soon(stream.finish()).await.unwrap();
    let whole = engine.process(said("hello")).await.unwrap().receipt.turn_id;
    let is_there = |turn_id| engine.resume_any(turn_id, None).is_ok();
    until(async || !is_there(whole)).await;
    clock.advance(Duration::from_secs(299));
    assert!(is_there(streamed));
    clock.advance(Duration::from_secs(2));
    assert!(!is_there(streamed));
    engine.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_whole_answer_that_runs_can_be_followed_to_its_end() {
    let (script, gate) = gated(1);
    let provider = ScriptedProvider::new([script]);
    let engine = engine(&stores::memory(), &provider).await;
    let (reply, followed) = tokio::join!(engine.process(said("hello")), async {
        until(async || provider.running() == 1).await;
        let turn_id = provider.requests().pop().unwrap().turn_id;
        let stream = engine.resume_any(turn_id, None).unwrap();
        gate.notify_one();
        read(stream).await
    });
    assert_eq!((text(&followed.0), followed.1.unwrap()), ("0 ".to_owned(), reply.unwrap()));
    engine.shutdown(Duration::from_secs(5)).await;
}
