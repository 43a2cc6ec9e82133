//! `POST /v1/chat/completions` with an OpenAI-compatible upstream: what the client wrote reaches it, and what it answers
//! comes back.

use std::time::Duration;

use arash_core::ai::OpenAi;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Answer, TestHost};
use crate::upstream::{Play, Upstream};

fn http(status: &str, media_type: &str, body: &str) -> Play {
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\n\r\n", body.len());
    Play::Answer([head.as_bytes(), body.as_bytes()].concat())
}

fn whole(body: &str) -> Play {
    http("200 OK", "application/json", body)
}

fn events(data: &[&str]) -> Play {
    let events = data.iter().map(|data| format!("data: {data}\n\n"));
    http("200 OK", "text/event-stream", &events.collect::<String>())
}

async fn host(play: Play) -> (TestHost, Upstream) {
    let upstream = Upstream::start(play).await;
    let provider = OpenAi::new(&upstream.url()).unwrap().with_timeout(Duration::from_secs(5));
    (TestHost::with(|builder| builder.ai(provider)).await, upstream)
}

async fn ask(host: &TestHost, body: &str) -> Answer {
    let request = host.asking(&host.admin, &json!({}));
    host.send(request.body(body.to_owned())).await
}

const MESSAGES: &str = r#""messages":[ {"role":"user","content":"\u0053al\u00e4m","name":"x" } ]"#;

#[tokio::test]
async fn a_whole_answer_passes_both_ways_untouched() {
    let answered = concat!(
        r#"{"id":"up-1", "model":"up/small-2026","system_fingerprint":"fp","choices":[{"index":0,"message":"#,
        r#"{"role":"assistant","content":"Hi","reasoning":"…"},"finish_reason":"stop","extra":1e400}],"#,
        r#""usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"cached":7}}"#
    );
    let (host, upstream) = host(whole(answered)).await;
    let fields = r#""temperature":0.70,"logit_bias":{"50256":-100},"seed":18446744073709551616,"new":{"z":1,"a":[ ]}"#;
    let answer = ask(&host, &format!(r#"{{"model":"Small",{MESSAGES},{fields},"stream":false,"user":"Sara"}}"#)).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, answered));
    let sent = format!(r#"{{"model":"lab/small",{MESSAGES},{fields},"stream":false,"user":"Sara"}}"#);
    assert_eq!(upstream.requests()[0].body, sent);
    let rows = host.get(&host.admin, "/api/v1/admin/usage/recent").await;
    assert_eq!((rows.at("/items/0/tokens_used"), rows.at("/items/0/estimated")), (json!(11), json!(false)));
}

const CHUNKS: [&str; 5] = [
    r#"{"id":"up-1","object":"chat.completion.chunk","model":"up","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#,
    r#"{"id":"up-1", "model":"up","choices":[{"index":0,"delta":{"content":"Hi","reasoning":"hm"}}],"usage":null}"#,
    r#"{"id":"up-1","model":"up","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}"#,
    r#"{"id":"up-1","model":"up","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#,
    "[DONE]",
];

#[tokio::test]
async fn chunks_pass_untouched_and_the_tokens_only_if_they_were_asked_for() {
    let (host, upstream) = host(events(&CHUNKS)).await;
    let answer = ask(&host, &format!(r#"{{"stream":true,"model":"lab/small",{MESSAGES}}}"#)).await;
    let lines: Vec<_> = answer.text.split_terminator("\n\n").map(|line| line.strip_prefix("data: ").unwrap()).collect();
    assert_eq!(lines, [CHUNKS[0], CHUNKS[1], CHUNKS[2], CHUNKS[4]]);
    let asked =
        format!(r#"{{"stream":true,"model":"lab/small",{MESSAGES},"stream_options":{{"include_usage":true}}}}"#);
    assert_eq!(upstream.requests()[0].body, asked, "they are counted all the same");
    let fields = r#""stream":true,"stream_options":{"include_usage":true}"#;
    let answer = ask(&host, &format!(r#"{{"model":"lab/small",{MESSAGES},{fields}}}"#)).await;
    let lines: Vec<_> = answer.text.split_terminator("\n\n").map(|line| line.strip_prefix("data: ").unwrap()).collect();
    assert_eq!(lines, CHUNKS);
    let report = host.get(&host.admin, "/api/v1/usage").await;
    assert_eq!((report.at("/totals/requests"), report.at("/totals/tokens_used")), (json!(2), json!(22)));
}

#[tokio::test]
async fn tokens_that_ride_on_a_chunk_stay_there() {
    let chunk = r#"{"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
    let (host, _upstream) = host(events(&[chunk, "[DONE]"])).await;
    let answer = ask(&host, &format!(r#"{{"stream":true,"model":"lab/small",{MESSAGES}}}"#)).await;
    assert_eq!(answer.text, format!("data: {chunk}\n\ndata: [DONE]\n\n"));
}

#[tokio::test]
async fn an_event_of_several_lines_stays_one_event() {
    let chunk = "{\"choices\":[{\"index\":0,\ndata: \"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}";
    let (host, _upstream) = host(events(&[chunk, "[DONE]"])).await;
    let answer = ask(&host, &format!(r#"{{"stream":true,"model":"lab/small",{MESSAGES}}}"#)).await;
    let expected = r#"{"choices":[{"index":0, "delta":{"content":"Hi"},"finish_reason":"stop"}]}"#;
    assert_eq!(answer.text, format!("data: {expected}\n\ndata: [DONE]\n\n"));
}

#[tokio::test]
async fn a_service_that_does_not_stream_is_streamed() {
    let answered = r#"{"id":"up-1","object":"chat.completion","model":"up","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"length"}],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#;
    let (host, _upstream) = host(whole(answered)).await;
    let fields = r#""stream":true,"stream_options":{"include_usage":true}"#;
    let answer = ask(&host, &format!(r#"{{"model":"lab/small",{MESSAGES},{fields}}}"#)).await;
    let lines: Vec<_> = answer.text.split_terminator("\n\n").collect();
    assert_snapshot!(lines[0], @r#"data: {"choices":[{"delta":{"content":"Hi","role":"assistant"},"finish_reason":"length","index":0}],"id":"up-1","model":"up","object":"chat.completion.chunk","usage":{"completion_tokens":2,"prompt_tokens":9}}"#);
    assert_eq!(lines[1..], ["data: [DONE]"]);
}

#[tokio::test]
async fn all_choices_of_a_service_that_does_not_stream_are_streamed() {
    let call = r#"{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"clock","arguments":"{}"}}]}"#;
    let answered = format!(
        r#"{{"id":"up-1","choices":[{{"index":0,"message":{call},"finish_reason":"tool_calls"}},{{"index":1,"message":{{"content":"B"}},"finish_reason":"stop"}}]}}"#
    );
    let (host, _upstream) = host(whole(&answered)).await;
    let answer = ask(&host, &format!(r#"{{"model":"lab/small",{MESSAGES},"n":2,"stream":true}}"#)).await;
    let chunk: Value =
        serde_json::from_str(answer.text.lines().next().unwrap().strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(chunk["choices"][0]["delta"]["tool_calls"][0]["index"], 0);
    assert_eq!(
        (&chunk["choices"][1]["delta"]["content"], &chunk["choices"][1]["finish_reason"]),
        (&json!("B"), &json!("stop"))
    );
}

#[tokio::test]
async fn tokens_that_nobody_told_are_estimated_for_those_who_ask() {
    let chunk = r#"{"id":"up-1","created":7,"model":"up","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}"#;
    let (host, _upstream) = host(events(&[chunk, "[DONE]"])).await;
    let fields = r#""stream":true,"stream_options":{"include_usage":true}"#;
    let answer = ask(&host, &format!(r#"{{"model":"lab/small",{MESSAGES},{fields}}}"#)).await;
    let lines: Vec<_> = answer.text.split_terminator("\n\n").collect();
    assert_eq!((lines.len(), lines[0]), (3, &*format!("data: {chunk}")));
    assert_snapshot!(lines[1], @r#"data: {"choices":[],"created":7,"id":"up-1","model":"up","object":"chat.completion.chunk","usage":{"completion_tokens":2,"prompt_tokens":9,"total_tokens":11}}"#);
}

#[tokio::test]
async fn an_end_that_the_service_does_not_tell_is_told() {
    let chunk =
        r#"{"id":"up-1","created":7,"model":"up","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"}}]}"#;
    let (host, _upstream) = host(events(&[chunk, "[DONE]"])).await;
    let answer = ask(&host, &format!(r#"{{"model":"lab/small",{MESSAGES},"stream":true}}"#)).await;
    let lines: Vec<_> = answer.text.split_terminator("\n\n").collect();
    assert_eq!((lines.len(), lines[0], lines[2]), (3, &*format!("data: {chunk}"), "data: [DONE]"));
    assert_snapshot!(lines[1], @r#"data: {"choices":[{"delta":{},"finish_reason":"stop","index":0,"logprobs":null}],"created":7,"id":"up-1","model":"up","object":"chat.completion.chunk"}"#);
}

#[tokio::test]
async fn what_an_upstream_says_of_its_failure_stays_with_the_host() {
    let said = r#"{"error":{"message":"canary sk-upstream","type":"invalid_request_error","code":"canary"}}"#;
    for (status, expected, code) in [
        ("400 Bad Request", 400, "ai_service_refused"),
        ("422 Unprocessable Content", 400, "ai_service_refused"),
        ("401 Unauthorized", 502, "ai_service_error"),
        ("500 Internal Server Error", 502, "ai_service_error"),
    ] {
        let (host, _upstream) = host(http(status, "application/json", said)).await;
        for stream in [false, true] {
            let answer = ask(&host, &format!(r#"{{"model":"lab/small",{MESSAGES},"stream":{stream}}}"#)).await;
            assert_eq!((answer.status, answer.error().as_str()), (expected, code), "{status}");
            assert!(!answer.text.contains("canary"), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_with_an_error() {
    let (host, _upstream) = host(events(&CHUNKS[..2])).await;
    let answer = ask(&host, &format!(r#"{{"stream":true,"model":"lab/small",{MESSAGES}}}"#)).await;
    let lines: Vec<_> = answer.text.split_terminator("\n\n").collect();
    assert_eq!(lines.len(), 3, "{}", answer.text);
    assert!(lines[2].starts_with(r#"data: {"error":{"#) && !answer.text.contains("[DONE]"), "{}", answer.text);
}
