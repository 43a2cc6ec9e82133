//! A client's own request: what of its answer is counted, and when it is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arash_core::ai::{ChatDelta, ChatRequest, FinishReason, WireRequest, estimate_tokens};

use crate::chat::{STREAM, ask, client, events, pieces, reply, streamed, whole};
use crate::upstream::{Play, Upstream};

fn own(fields: &str) -> ChatRequest {
    let mut request = ask("for the estimate only");
    request.wire = Some(Arc::new(WireRequest::parse(&format!("{{{fields}}}")).unwrap()));
    request
}

async fn stream(play: Play, request: ChatRequest) -> Vec<ChatDelta> {
    let (deltas, failure) = pieces(&client(&Upstream::start(play).await), request).await;
    assert!(failure.is_none(), "{failure:?}");
    deltas
}

/// What of it no other piece holds, as it is told.
fn unsaid(deltas: &[ChatDelta]) -> Vec<u64> {
    let unsaid =
        deltas.iter().filter_map(|delta| if let ChatDelta::Unsaid(tokens) = delta { Some(*tokens) } else { None });
    unsaid.collect()
}

const PIECE: u64 = 3;

#[tokio::test]
async fn whatever_reaches_the_client_is_counted_as_it_comes() {
    assert_eq!(estimate_tokens("other"), PIECE);
    for delta in [
        r#""delta":{"reasoning_content":"other"}"#,
        r#""delta":{"reasoning":"other","reasoning_content":"other"}"#,
        r#""delta":{"reasoning":[1]}"#,
        r#""index":1,"delta":{"content":"other"}"#,
        r#""index":2,"delta":{"refusal":"other"}"#,
        r#""index":1,"delta":{"reasoning":"other"}"#,
        r#""index":1,"delta":{"tool_calls":[{"index":0,"function":{"name":"abcd","arguments":"x"}}]}"#,
        r#""delta":{"tool_calls":[{"index":0,"function":{"name":"abcd","arguments":"x"}}]}"#,
        r#""delta":{"function_call":"other"}"#,
    ] {
        let chunk = format!(r#"{{"choices":[{{{delta}}}]}}"#);
        let deltas = stream(streamed(events(&[&chunk, &chunk])), own(r#""stream":true"#)).await;
        let wires = [&deltas[0], &deltas[2]].map(|delta| matches!(delta, ChatDelta::Wire(_)));
        assert_eq!(wires, [true, true], "{deltas:?}");
        assert_eq!(unsaid(&deltas)[..2], [PIECE, 2 * PIECE], "{delta}");
        // The calls of the first answer are whole at its end, and counted as such from there on.
        let left = if deltas.iter().any(|delta| matches!(delta, ChatDelta::ToolCall(_))) { 0 } else { 2 * PIECE };
        assert_eq!(reply(deltas).unsaid, left, "{delta}");
    }
}

#[tokio::test]
async fn a_call_that_was_cut_short_is_counted() {
    let body = events(&[
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"one","arguments":"{}"}},{"index":1,"id":"b","function":{"name":"abcd","arguments":"{"}}]}}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"length"}]}"#,
    ]);
    let reply = reply(stream(streamed(body), own(r#""stream":true"#)).await);
    assert_eq!((reply.tool_calls.len(), reply.unsaid), (1, estimate_tokens("abcd") + estimate_tokens("{")));
}

#[tokio::test]
async fn a_whole_answer_is_counted_too() {
    let body = concat!(
        r#"{"choices":[{"index":0,"message":{"content":"Hi","reasoning":"other"},"finish_reason":"stop"},"#,
        r#"{"index":1,"message":{"content":"other","tool_calls":[{"function":{"name":"abcd","arguments":"x"}}]}}]}"#
    );
    let deltas = stream(whole(body), own(r#""n":2"#)).await;
    assert_eq!((unsaid(&deltas), reply(deltas).text.as_str()), (vec![3 * PIECE], "Hi"));
    // Without a client there is one answer, and what the model thought is counted with it.
    let deltas = stream(whole(body), ask("Hi")).await;
    assert_eq!(unsaid(&deltas), [PIECE]);
}

#[tokio::test]
async fn an_answer_is_over_when_all_that_were_asked_for_have_ended() {
    let stop = |index: usize| {
        format!(r#"data: {{"choices":[{{"index":{index},"delta":{{"content":"a"}},"finish_reason":"stop"}}]}}"#)
    };
    let chunk = |said: &str| {
        let said = format!("{said}\n\n");
        format!("HTTP/1.1 200 OK\r\n{STREAM}transfer-encoding: chunked\r\n\r\n{:x}\r\n{said}\r\n", said.len())
    };
    let both = format!("{}\n\n{}", stop(1), stop(0));
    for (n, said) in [("", stop(0)), (r#","n":null"#, stop(0)), (r#","n":1"#, stop(0)), (r#","n":2"#, both)] {
        for play in [Play::Answer(chunk(&said).into()), Play::Reset(chunk(&said).into())] {
            let begun = Instant::now();
            let deltas = stream(play, own(&format!(r#""stream":true{n}"#))).await;
            assert!(begun.elapsed() < Duration::from_secs(4), "{n}: {:?}", begun.elapsed());
            let reply = reply(deltas);
            assert_eq!((reply.text.as_str(), reply.finish), ("a", Some(FinishReason::Stop)), "{n}");
        }
    }
    for n in ["2", "2.0", "\"2\""] {
        let upstream = Upstream::start(Play::Reset(chunk(&stop(0)).into())).await;
        let (_, failure) = pieces(&client(&upstream), own(&format!(r#""stream":true,"n":{n}"#))).await;
        assert!(failure.is_some(), "another answer was to come: {n}");
    }
}
