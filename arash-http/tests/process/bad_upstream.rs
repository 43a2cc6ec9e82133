//! The program with an AI service behind it that speaks the house protocol, well and badly.

use std::time::{Duration, Instant};

use crate::program::{Host, program};
use crate::upstream::{Play, Upstream};
use serde_json::json;

/// An HTTP answer with this body.
fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

fn head_of_a_chunk() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"Res".to_vec()
}

const KEY: &str = "the-key-of-the-upstream-test-which-is-long-enough";

async fn host(folder: &tempfile::TempDir, upstream: &Upstream) -> Host {
    let mut command = program(folder.path());
    command.env("INTERNAL_API_KEY", KEY).env("AI_SERVICE_URL", upstream.url()).env("AI_TIMEOUT_SECONDS", "1");
    command.env("INTERNAL_MODELS", "openai/gpt-5-chat").env("INTERNAL_MAX_HISTORY", "3");
    Host::start(command).await
}

#[tokio::test]
async fn the_service_is_asked_exactly_what_the_contract_says() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = Upstream::start(Play::Answer(ok(r#"{"Response":"Hi!","Pipeline":"p","Status":"ok"}"#))).await;
    let host = host(&folder, &upstream).await;
    for text in ["one", "two", "three"] {
        let (status, reply) = host.chat(KEY, text).await;
        assert_eq!((status, &reply["response"]), (200, &json!("Hi!")), "{reply}");
        assert_eq!(reply["data"]["model"], "GPT-5 Chat");
    }
    let requests = upstream.requests();
    assert_eq!(
        requests.iter().map(|request| request.header("content-type")).collect::<Vec<_>>(),
        [["application/json"]; 3]
    );
    assert_eq!((upstream.connections(), requests.len()), (1, 3), "the connection is kept");
    let bodies: Vec<_> = upstream.requests().into_iter().map(|request| request.body).collect();
    assert_eq!(
        bodies,
        [
            r#"{"History":[{"role":"user","content":"one"}],"Pipeline":"openai/gpt-5-chat","Files":[],"AudioFile":null}"#,
            concat!(
                r#"{"History":[{"role":"user","content":"one"},{"role":"assistant","content":"Hi!"},"#,
                r#"{"role":"user","content":"two"}],"Pipeline":"openai/gpt-5-chat","Files":[],"AudioFile":null}"#
            ),
            // The context is three messages long, the new one included.
            concat!(
                r#"{"History":[{"role":"user","content":"two"},{"role":"assistant","content":"Hi!"},"#,
                r#"{"role":"user","content":"three"}],"Pipeline":"openai/gpt-5-chat","Files":[],"AudioFile":null}"#
            ),
        ]
    );
}

#[tokio::test]
async fn a_bad_service_costs_one_answer_and_tells_nothing() {
    let answer = |body: &str| Play::Answer(ok(body));
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let chunk = [b"10000\r\n".to_vec(), vec![b'c'; 0x1_0000], b"\r\n".to_vec()].concat();
    for (what, play, status, error) in [
        ("slow", Play::Silence, 504, "ai_service_timeout"),
        (
            "dripping",
            Play::Drip(head.clone(), b"1\r\nx\r\n".repeat(100), Duration::from_millis(50)),
            504,
            "ai_service_timeout",
        ),
        ("failing", answer(r#"{"Response":"CANARY","Pipeline":"p","Status":"error"}"#), 502, "ai_service_error"),
        ("malformed", answer("CANARY"), 502, "ai_service_error"),
        ("empty", answer(r#"{"Response":"","Pipeline":"p","Status":"ok"}"#), 502, "ai_service_error"),
        ("huge", Play::Endless(head, chunk), 502, "ai_service_error"),
        ("reset", Play::Reset(head_of_a_chunk()), 502, "ai_service_error"),
        ("gone", Play::Close(Vec::new()), 502, "ai_service_error"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let upstream = Upstream::start(play).await;
        let host = host(&folder, &upstream).await;
        let begun = Instant::now();
        let (told, problem) = host.chat(KEY, "hello").await;
        let taken = if what == "huge" { upstream.written_until_closed().await } else { 0 };
        assert!(taken < 16 << 20, "{what}: {taken} bytes were taken");
        assert_eq!((told, &problem["error"]), (status, &json!(error)), "{what}: {problem}");
        assert!(begun.elapsed() < Duration::from_secs(8), "{what} took too long");
        assert!(!problem.to_string().contains("CANARY"), "{what}: {problem}");
        let session = host.get(KEY, "/api/v1/session/internal_1_c").await;
        assert_eq!(session.0, 404, "{what}: the message of a failed turn is not kept");
        let (code, said) = host.stop("-TERM").await;
        assert_eq!(code, Some(0));
        assert!(!said.contains("CANARY"), "{what}: {said}");
    }
}
