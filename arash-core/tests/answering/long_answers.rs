//! Answers that are longer than is kept.

use std::time::Duration;

use arash_core::ai::{ChatDelta, FinishReason, estimate_tokens};
use arash_core::testing::{Script, ScriptedProvider, Step};
use arash_core::turn::IdempotencyKey;

use crate::answers::records;
use crate::completions::{heard, hello};
use crate::engines::engine;
use crate::stores;

const MEBIBYTE: usize = 1 << 20;

fn half(letter: &str) -> Step {
    Step::say(letter.repeat(MEBIBYTE / 2 + 1))
}

fn finish() -> Step {
    Step::Give(ChatDelta::Finish(FinishReason::Stop))
}

#[tokio::test]
async fn an_answer_that_is_cut_says_so() {
    let engine =
        engine(&stores::memory(), &ScriptedProvider::new([Script::new([half("a"), half("b"), finish()])])).await;
    let answer = engine.complete(hello()).await.unwrap().answer;
    assert_eq!((answer.text.len(), answer.finish.as_ref()), (MEBIBYTE, Some(&FinishReason::Length)));
    engine.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn on_the_wire_all_of_a_long_answer_is_passed_on_and_counted() {
    let store = stores::memory();
    let wire = |json: &str| Step::Give(ChatDelta::Wire(json.to_owned()));
    let long = format!(r#"{{"long":"{}"}}"#, "x".repeat(5 * MEBIBYTE));
    let script = Script::new([
        wire("{}"),
        half("a"),
        wire(&long),
        half("é"),
        wire("[]"),
        Step::say("end"),
        finish(),
        wire("{}"),
    ]);
    let engine = engine(&store, &ScriptedProvider::new([script])).await;
    let ask = || hello().idempotency_key(IdempotencyKey::new("key:1:v1", "once").unwrap());
    let (deltas, end) = heard(engine.stream_completion(ask()).await.unwrap()).await;
    let wires = deltas.iter().filter(|delta| matches!(delta, ChatDelta::Wire(_))).count();
    let said = MEBIBYTE / 2 + 1;
    let tokens = estimate_tokens(&"a".repeat(said)) + estimate_tokens(&"é".repeat(said)) + estimate_tokens("end");
    let counted = end.unwrap().usage.completion_tokens;
    assert!(wires == 4 && counted.abs_diff(tokens) < 4, "{wires}: {counted} for {tokens}");
    let rows = records(&store).await;
    assert_eq!((rows[0].success, rows[0].tokens.completion_tokens), (true, counted));
    // What is kept of it for a repeated request is not all of it.
    let (again, _) = heard(engine.stream_completion(ask()).await.unwrap()).await;
    assert!(matches!(&again[0], ChatDelta::Text(text) if text.len() > MEBIBYTE - 2 && text.ends_with('é')));
    assert_eq!(again[1..], [ChatDelta::Finish(FinishReason::Length)]);
    engine.shutdown(Duration::from_secs(5)).await;
}
