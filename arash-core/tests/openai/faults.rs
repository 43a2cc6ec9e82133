//! The provider behind services that are odd, broken or hostile.

use std::time::{Duration, Instant};

use crate::chat::{STREAM, ask, checked, client, events, http, pieces, reply, streamed, whole};
use crate::upstream::{Play, Upstream};
use arash_core::ai::{AiError, AiErrorKind, AiProvider, ChatDelta, FinishReason, OpenAi, TimeLimits};

const MEBIBYTE: usize = 1 << 20;
const HELLO: &str = r#"{"choices":[{"delta":{"content":"سلام"}}]}"#;
const STOP: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

async fn stream(play: Play) -> (Vec<ChatDelta>, Option<AiError>) {
    pieces(&client(&Upstream::start(play).await), ask("Hello")).await
}

/// The failure of a whole and of a streamed question, which are to be of one kind.
async fn failure(play: Play) -> AiError {
    let upstream = Upstream::start(play).await;
    let client = client(&upstream);
    let whole = checked(&client, client.complete(ask("Hello")).await.unwrap_err());
    let (deltas, streamed) = pieces(&client, ask("Hello")).await;
    assert_eq!((deltas, streamed.unwrap().kind()), (Vec::new(), whole.kind()));
    whole
}

async fn text(body: impl AsRef<[u8]>) -> String {
    let (deltas, failure) = stream(streamed(body)).await;
    assert!(failure.is_none(), "{failure:?}");
    reply(deltas).text
}

#[tokio::test]
async fn streams_of_many_forms_say_the_same() {
    let plain = events(&[HELLO, STOP]);
    let crlf = plain.replace('\n', "\r\n");
    let without_end = plain.replace("data: [DONE]\n\n", "");
    for body in [
        plain.clone(),
        crlf.clone(),
        plain.replace('\n', "\r"),
        format!("\u{feff}: comment\n\nevent: ping\nid: 7\nretry: 1\n\n{plain}"),
        plain.replace("data: ", "data:"),
        without_end.clone(),
        without_end.trim_end().to_owned(),
        format!("{plain}data: never read\n\n"),
        events(&[r#"{"choices":[{"delta":{"content":null,"reasoning_content":"hm"}}]}"#, HELLO, STOP]),
        events(&[r#"{"choices":[{"index":0,"delta":null,"finish_reason":""}]}"#, HELLO, STOP]),
        events(&[r#"{"choices":[{"delta":{"content":[{"type":"text","text":"سلام"}]}}]}"#, STOP]),
        // No reason, but an end.
        events(&[HELLO]),
    ] {
        assert_eq!(text(&body).await, "سلام", "{body:?}");
    }
    // Byte by byte: no letter and no end of line is whole.
    let play = Play::Drip(
        format!("HTTP/1.1 200 OK\r\n{STREAM}content-length: {}\r\n\r\n", crlf.len()).into(),
        crlf.into(),
        Duration::from_micros(100),
    );
    assert_eq!(reply(stream(play).await.0).text, "سلام");
}

#[tokio::test]
async fn a_service_that_does_not_stream_is_understood() {
    let body = r#"{"choices":[{"message":{"content":"سلام"},"finish_reason":"stop"}]}"#;
    for media_type in ["application/json", "Application/JSON; charset=utf-8"] {
        let play = Play::Answer(http("200 OK", &format!("content-type: {media_type}\r\n"), body));
        let (deltas, failure) = stream(play).await;
        assert!(failure.is_none(), "{media_type}");
        assert_eq!(reply(deltas).text, "سلام");
    }
    let (_, failure) = stream(whole(r#"{"error":{"code":429,"message":"canary"}}"#)).await;
    assert_eq!(failure.unwrap().kind(), AiErrorKind::RateLimited);
}

#[tokio::test]
async fn reasons_that_nobody_knows_and_refusals_are_told() {
    let body = events(&[r#"{"choices":[{"delta":{"refusal":"No."},"finish_reason":"eos_token"}]}"#, STOP]);
    let (deltas, _) = stream(streamed(body)).await;
    let finish = ChatDelta::Finish(FinishReason::Other("eos_token".to_owned()));
    assert_eq!(deltas, [ChatDelta::Text("No.".to_owned()), finish], "one reason is enough");
}

#[tokio::test]
async fn arguments_cut_by_length_are_no_call() {
    let body = events(&[
        r#"{"choices":[{"delta":{"content":"Let me see","tool_calls":[{"index":0,"id":"a","function":{"name":"one","arguments":"{\"x\":"}}]}}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"length"}]}"#,
    ]);
    let reply = reply(stream(streamed(body)).await.0);
    assert_eq!((reply.text.as_str(), reply.tool_calls.len()), ("Let me see", 0));
    assert_eq!(reply.finish, Some(FinishReason::Length));
}

#[tokio::test]
async fn an_error_within_a_stream_comes_after_what_was_said() {
    for (error, kind) in [
        (r#"{"error":{"message":"canary","type":"server_error","code":null}}"#, AiErrorKind::Failed),
        (r#"{"error":{"message":"canary","code":"rate_limit_exceeded"}}"#, AiErrorKind::RateLimited),
        (r#"{"object":"error","message":"canary","code":503}"#, AiErrorKind::Overloaded),
        ("canary", AiErrorKind::Malformed),
        (r#"["canary"]"#, AiErrorKind::Malformed),
        (r#"{"choices":"canary"}"#, AiErrorKind::Malformed),
    ] {
        // Both in one piece: the text must not get lost with the rest of it.
        let (deltas, failure) = stream(streamed(events(&[HELLO, error]))).await;
        assert_eq!((reply(deltas).text.as_str(), failure.unwrap().kind()), ("سلام", kind), "{error}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_a_failure_after_what_was_said() {
    let said = format!("data: {HELLO}\n\n");
    let chunk = format!("{CHUNKED}{:x}\r\n{said}\r\n", said.len());
    let head = format!("HTTP/1.1 200 OK\r\n{STREAM}\r\n");
    for play in [
        Play::Reset(chunk.clone().into()),
        Play::Close(chunk.into()),
        // Without a length, only the missing end tells.
        Play::Close(format!("{head}{said}").into()),
        Play::Close(format!("{head}{said}data: {{\"choices\"").into()),
        // Less than was promised.
        Play::Close(format!("HTTP/1.1 200 OK\r\ncontent-length: 4000\r\n\r\n{said}").into()),
        // More than was promised.
        Play::Close(
            [format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{said}", said.len()), events(&[STOP])]
                .concat()
                .into(),
        ),
    ] {
        let (deltas, failure) = stream(play).await;
        assert_eq!((reply(deltas).text.as_str(), failure.unwrap().kind()), ("سلام", AiErrorKind::Malformed));
    }
}

#[tokio::test]
async fn an_answer_that_has_ended_needs_nothing_more() {
    let said = format!("data: {HELLO}\n\ndata: {STOP}\n\n");
    let chunk = format!("{CHUNKED}{:x}\r\n{said}\r\n", said.len());
    let long = format!("HTTP/1.1 200 OK\r\n{STREAM}content-length: 9999\r\n\r\n{said}");
    for play in [
        // It stays open, with and without a sign of life.
        Play::Answer(chunk.clone().into()),
        Play::Drip(chunk.clone().into(), b"1\r\n:\r\n".repeat(1_000), Duration::from_millis(10)),
        Play::Reset(chunk.clone().into()),
        Play::Close(long.clone().into()),
        Play::Close(format!("{long}data: {{\"choices\":[],\"usa").into()),
        Play::Answer(format!("{chunk}canary\r\n").into()),
    ] {
        let begun = Instant::now();
        let (deltas, failure) = stream(play).await;
        assert!(failure.is_none() && begun.elapsed() < Duration::from_secs(4), "{failure:?} {:?}", begun.elapsed());
        let reply = reply(deltas);
        assert_eq!((reply.text.as_str(), reply.finish, reply.usage), ("سلام", Some(FinishReason::Stop), None));
    }
}

#[tokio::test]
async fn statuses_say_what_is_at_fault() {
    use AiErrorKind::{ContextLength, Failed, Misconfigured, Overloaded, RateLimited, Refused, UnknownModel};
    let error =
        |code: &str| format!(r#"{{"error":{{"message":"canary","type":"invalid_request_error","code":"{code}"}}}}"#);
    let date = "date: Wed, 21 Oct 2026 07:28:00 GMT\r\nretry-after: Wed, 21 Oct 2026 07:28:09 GMT\r\n";
    for (status, headers, body, kind, delay) in [
        ("400 Bad Request", "", error("Canary canary"), Refused, None),
        ("400 Bad Request", "", error("context_length_exceeded"), ContextLength, None),
        ("404 Not Found", "", error("model_not_found"), UnknownModel, None),
        ("404 Not Found", "content-type: text/html\r\n", "<html>canary</html>".to_owned(), Misconfigured, None),
        ("401 Unauthorized", "", error("invalid_api_key"), Misconfigured, None),
        ("403 Forbidden", "", error("Canary canary"), Misconfigured, None),
        ("402 Payment Required", "", error("Canary canary"), Misconfigured, None),
        ("410 Gone", "", error("Canary canary"), Misconfigured, None),
        ("408 Request Timeout", "", String::new(), Overloaded, None),
        ("529 Overloaded", "", error("Canary canary"), Overloaded, None),
        ("429 Too Many", "retry-after: 7\r\n", error("Canary canary"), RateLimited, Some(7)),
        ("429 Too Many", date, error("Canary canary"), RateLimited, Some(9)),
        ("500 canary", "retry-after: 7\r\n", error("Canary canary"), Failed, None),
        ("502 Bad Gateway", "", "<html>canary</html>".to_owned(), Overloaded, None),
        ("503 Unavailable", "retry-after: 3\r\n", String::new(), Overloaded, Some(3)),
        ("504 Gateway Timeout", "", String::new(), Overloaded, None),
    ] {
        let failure = failure(Play::Answer(http(status, headers, &body))).await;
        let found = (failure.kind(), failure.retry_after());
        assert_eq!(found, (kind, delay.map(Duration::from_secs)), "{status} {body}");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_malformed() {
    let html = b"<html>\r\n\r\ncanary</html>".to_vec();
    let gzip = http("200 OK", "content-encoding: gzip\r\n", b"\x1f\x8b\x08\x00canary");
    for play in [
        Play::Answer(http("200 OK", "content-type: text/html\r\n", html)),
        Play::Answer(gzip),
        Play::Answer(http("204 No Content", "", "")),
        whole(""),
        whole("{}"),
        whole(r#"{"choices":[]}"#),
        whole(r#"["canary"]"#),
        whole(b"{\"choices\":\"canary\xff\"}"),
        whole("[".repeat(100_000)),
    ] {
        assert_eq!(failure(play).await.kind(), AiErrorKind::Malformed);
    }
}

#[tokio::test]
async fn half_a_letter_does_not_cost_the_answer() {
    let body = events(&[
        r#"{"choices":[{"delta":{"content":"Hi \ud83d"}}]}"#,
        r#"{"choices":[{"delta":{"content":[{"type":"text","text":"\ude00!"}],"refusal":"\ud83d\ude00"}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"function":{"name":"n","arguments":"\ud800"}}]}}]}"#,
    ]);
    let (deltas, failure) = stream(streamed(body)).await;
    assert!(failure.is_none(), "{failure:?}");
    let reply = reply(deltas);
    assert_eq!((reply.text.as_str(), reply.tool_calls[0].arguments.as_str()), ("Hi \u{fffd}\u{fffd}!😀", "\u{fffd}"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Upstream::start(whole("{}")).await;
    let play = Play::Answer(http("307 Temporary", &format!("location: {}\r\n", other.url()), "canary"));
    assert_eq!(failure(play).await.kind(), AiErrorKind::Misconfigured);
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn endless_answers_are_cut_off() {
    let chunk = |bytes: &str| {
        let body = bytes.repeat(0x10000 / bytes.len());
        format!("{:x}\r\n{body}\r\n", body.len()).into_bytes()
    };
    for (part, taken) in [
        // One line without an end, one event without an end, and comments, of which nothing is kept.
        (chunk("x"), 16 * MEBIBYTE),
        (chunk("data: 0123456789\n"), 16 * MEBIBYTE),
        (chunk(": canary\n"), 96 * MEBIBYTE),
    ] {
        let upstream = Upstream::start(Play::Endless(CHUNKED.into(), part)).await;
        let client = client(&upstream).with_timeout(Duration::from_secs(60));
        assert_eq!(pieces(&client, ask("Hello")).await.1.unwrap().kind(), AiErrorKind::Malformed);
        assert!(upstream.written_until_closed().await < taken);
    }
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let upstream = Upstream::start(Play::Endless(head.into(), chunk(" "))).await;
    let client = client(&upstream);
    assert_eq!(client.complete(ask("Hello")).await.unwrap_err().kind(), AiErrorKind::Malformed);
    assert!(upstream.written_until_closed().await < 32 * MEBIBYTE);
    // Nothing of the body ever comes: only the header can tell.
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000000000\r\n\r\n";
    assert_eq!(failure(Play::Answer(head.into())).await.kind(), AiErrorKind::Malformed);
}

#[tokio::test]
async fn slowness_ends_as_a_timeout() {
    let (ms, long) = (Duration::from_millis, Duration::from_secs(20));
    let limits = TimeLimits { first_delta: long, between_deltas: long, total: long };
    let head = format!("HTTP/1.1 200 OK\r\n{STREAM}transfer-encoding: chunked\r\n\r\n");
    let said = format!("data: {HELLO}\n\n");
    let first = format!("{head}{:x}\r\n{said}\r\n", said.len());
    for (play, limits, text) in [
        (Play::Silence, TimeLimits { first_delta: ms(200), ..limits }, ""),
        (
            Play::Drip(head.clone().into(), b"1\r\n:\r\n".repeat(200), ms(10)),
            TimeLimits { first_delta: ms(200), ..limits },
            "",
        ),
        (
            Play::Drip(first.clone().into(), b"1\r\n:\r\n".repeat(200), ms(10)),
            TimeLimits { between_deltas: ms(200), ..limits },
            "سلام",
        ),
        (Play::Drip(first.into(), b"1\r\n:\r\n".repeat(200), ms(10)), TimeLimits { total: ms(200), ..limits }, "سلام"),
    ] {
        let (upstream, begun) = (Upstream::start(play).await, Instant::now());
        let client = client(&upstream).with_time_limits(limits);
        let (deltas, failure) = pieces(&client, ask("Hello")).await;
        assert_eq!((reply(deltas).text.as_str(), failure.unwrap().kind()), (text, AiErrorKind::Timeout));
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_refused_connection_is_told_as_such() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let client = OpenAi::new(&url).unwrap();
    let failure = checked(&client, client.complete(ask("Hello")).await.unwrap_err());
    assert_eq!((failure.kind(), failure.is_retryable()), (AiErrorKind::Connect, true));
    let gone = Upstream::start(Play::Close(Vec::new())).await;
    let failure = pieces(&crate::chat::client(&gone), ask("Hello")).await.1.unwrap();
    assert_eq!((failure.kind(), failure.is_retryable()), (AiErrorKind::Failed, false), "it may have done the work");
}

#[tokio::test]
async fn a_dropped_stream_closes_the_connection() {
    let said = format!("data: {HELLO}\n\n");
    let part = format!("{:x}\r\n{said}\r\n", said.len());
    let upstream = Upstream::start(Play::Endless(CHUNKED.into(), part.into())).await;
    let mut deltas = client(&upstream).stream(ask("Hello")).await.unwrap();
    assert!(futures_util::StreamExt::next(&mut deltas).await.is_some());
    drop(deltas);
    upstream.written_until_closed().await;
}
