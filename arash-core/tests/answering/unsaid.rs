//! Tokens that are in no text and no call are counted where the provider does not tell its own count.

use std::time::Duration;

use arash_core::ai::{ChatDelta, FinishReason, estimate_tokens};
use arash_core::testing::{Script, ScriptedProvider, Step};
use arash_core::turn::CompletionEvent;
use arash_core::usage::TokenUsage;

use crate::answers::{records, soon};
use crate::completions::{heard, hello};
use crate::engines::{caller, engine, request};
use crate::stores;

fn unsaid(tokens: u64) -> Step {
    Step::Give(ChatDelta::Unsaid(tokens))
}

fn wire() -> Step {
    Step::Give(ChatDelta::Wire("{}".to_owned()))
}

#[tokio::test]
async fn a_stopped_completion_costs_what_was_passed_on() {
    let store = stores::memory();
    let script = Script::new([wire(), unsaid(40), wire(), unsaid(90), wire(), Step::Hang]);
    let engine = engine(&store, &ScriptedProvider::new([script])).await;
    let owner = caller(&engine, "owner", None, None).await;
    let mut stream = engine.stream_completion(hello().principal(owner.clone())).await.unwrap();
    for _ in 0..3 {
        let event = soon(stream.next()).await;
        assert!(
            matches!(event, Some(CompletionEvent::Delta(ChatDelta::Wire(_)))),
            "nobody is told of a count: {event:?}"
        );
    }
    engine.stop(stream.turn_id(), &owner).unwrap();
    assert!(heard(stream).await.1.unwrap().stopped);
    let rows = records(&store).await;
    assert_eq!((rows[0].tokens.completion_tokens, rows[0].tokens.estimated), (90, true));
    engine.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn the_providers_own_count_goes_first() {
    let store = stores::memory();
    let told = TokenUsage { prompt_tokens: 12, completion_tokens: 50, estimated: false };
    let answer = |end: Step| {
        let finish = Step::Give(ChatDelta::Finish(FinishReason::Stop));
        Script::new([unsaid(90), Step::say("Hi"), unsaid(100), finish, end])
    };
    let engine = engine(&store, &ScriptedProvider::new([answer(Step::Usage(told)), answer(Step::say(""))])).await;
    let caller = caller(&engine, "caller", None, None).await;
    for expected in [50, 100 + estimate_tokens("Hi")] {
        let reply = engine.process(request(&caller, "chat", "Hello")).await.unwrap();
        assert_eq!((reply.text.as_str(), reply.receipt.usage.completion_tokens), ("Hi", expected));
    }
    engine.shutdown(Duration::from_secs(5)).await;
}
