//! Whatever an endpoint answers, an attempt ends in time, reads little and tells the tenant nothing but fixed words.

use std::time::{Duration, Instant};

use arash_core::webhook::signature::{BODY_SIGNATURE, ID, SIGNATURE, TIMESTAMP};
use arash_core::webhook::{SendError, WebhookSender};
use tokio::net::TcpListener;

use crate::sending::{local_sender, send, signed};
use crate::upstream::{Play, Upstream};

fn http(status: &str, headers: &str, body: &str) -> Play {
    let length = body.len();
    Play::Answer(format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n{body}").into_bytes())
}

async fn outcome(play: Play) -> (Option<u16>, Option<SendError>) {
    let receiver = Upstream::start(play).await;
    let begun = Instant::now();
    let sent = send(&receiver.url()).await;
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(receiver.requests().len(), 1, "one attempt is one request");
    (sent.status_code, sent.error)
}

fn failed(status: u16) -> (Option<u16>, Option<SendError>) {
    (Some(status), Some(SendError::Status(status)))
}

#[tokio::test]
async fn the_request_is_the_documented_one() {
    let receiver = Upstream::start(http("200 OK", "", "thanks")).await;
    let event = signed(&receiver.url());
    let sent = local_sender().send(&event).await;
    assert_eq!((sent.status_code, sent.error, sent.response_excerpt.as_deref()), (Some(200), None, Some("thanks")));
    let [request] = receiver.requests().try_into().unwrap();
    assert!(request.head.starts_with("POST /run?token=canary-url HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!(request.body, r#"{"event":"message.completed"}"#);
    assert_eq!(request.header("content-type"), ["application/json"]);
    assert_eq!(request.header("user-agent"), [concat!("arash/", env!("CARGO_PKG_VERSION"))]);
    for name in [ID, TIMESTAMP, SIGNATURE, BODY_SIGNATURE] {
        assert_eq!(request.header(name), [event.signature.header(name).unwrap()], "{name}");
    }
    for name in ["accept-encoding", "cookie", "referer", "authorization"] {
        assert!(request.header(name).is_empty(), "{name}");
    }
}

#[tokio::test]
async fn only_a_status_of_success_is_one() {
    for status in ["200 OK", "201 Created", "202 Accepted", "204 No Content", "299 Strange"] {
        let (code, error) = outcome(http(status, "set-cookie: a=b\r\n", "")).await;
        assert_eq!((code, error), (status[..3].parse().ok(), None), "{status}");
    }
    for status in [300, 301, 302, 303, 304, 307, 308, 400, 401, 404, 410, 429, 500, 503, 599, 999] {
        assert_eq!(outcome(http(&format!("{status} Strange"), "", "")).await, failed(status), "{status}");
    }
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let elsewhere = Upstream::start(http("200 OK", "", "")).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("location: {}\r\n", elsewhere.url());
        assert_eq!(outcome(http(&format!("{status} Moved"), &location, "")).await, failed(status), "{status}");
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn who_says_nothing_or_drips_a_head_is_too_slow() {
    let slow = (None, Some(SendError::Timeout));
    assert_eq!(outcome(Play::Silence).await, slow);
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-slow: canary\r\n\r\n".to_vec();
    assert_eq!(outcome(Play::Drip(Vec::new(), head, Duration::from_millis(100))).await, slow);
}

#[tokio::test]
async fn the_status_counts_however_slow_or_long_the_body_is() {
    let drip = |status: &str| {
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: 1000\r\n\r\n").into_bytes();
        Play::Drip(head, vec![b'x'; 1_000], Duration::from_millis(100))
    };
    assert_eq!(outcome(drip("200 OK")).await, (Some(200), None));
    assert_eq!(outcome(drip("500 Broken")).await, failed(500));
    let gigabyte = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n".to_vec();
    let receiver = Upstream::start(Play::Endless(gigabyte, vec![b'x'; 64 * 1024])).await;
    let sent = send(&receiver.url()).await;
    assert_eq!((sent.status_code, sent.error), (Some(200), None));
    assert_eq!(sent.response_excerpt.unwrap(), "x".repeat(1_024));
    let written = receiver.written_until_closed().await;
    assert!(written < 32 * 1024 * 1024, "{written} bytes were taken");
}

#[tokio::test]
async fn an_endless_head_is_no_answer() {
    let head = b"HTTP/1.1 200 OK\r\n".to_vec();
    let lines = b"x-endless: canary\r\n".repeat(1_000);
    let receiver = Upstream::start(Play::Endless(head, lines)).await;
    let sent = send(&receiver.url()).await;
    assert_eq!((sent.status_code, sent.error), (None, Some(SendError::Answer)));
    let written = receiver.written_until_closed().await;
    assert!(written < 16 * 1024 * 1024, "{written} bytes were taken");
}

#[tokio::test]
async fn what_is_no_answer_or_breaks_off_is_a_failure() {
    let broken = (None, Some(SendError::Answer));
    for bytes in [
        &b"canary\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 canary\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbroken\xff: \x01\r\n\r\n",
        b"HTTP/1.1 200",
        b"",
    ] {
        assert_eq!(outcome(Play::Close(bytes.to_vec())).await, broken, "{bytes:?}");
        assert_eq!(outcome(Play::Reset(bytes.to_vec())).await, broken, "{bytes:?}");
    }
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec();
    assert_eq!(outcome(Play::Reset(cut.clone())).await, (Some(200), None), "it was taken before");
    assert_eq!(outcome(Play::Close(cut)).await, (Some(200), None));
}

#[tokio::test]
async fn who_cannot_be_reached_is_told_as_no_connection() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let sent = send(&format!("http://127.0.0.1:{port}/")).await;
    assert_eq!((sent.status_code, sent.error), (None, Some(SendError::Connection)));
}

#[tokio::test]
async fn a_wait_is_understood_and_only_of_those_who_refuse() {
    let wait = async |status: &str, headers: &str| {
        let receiver = Upstream::start(http(status, headers, "")).await;
        send(&receiver.url()).await.retry_after.map(|wait| wait.as_secs())
    };
    assert_eq!(wait("503 Busy", "retry-after: 120\r\n").await, Some(120));
    let dates = "date: Wed, 21 Oct 2026 07:28:00 GMT\r\nretry-after: Wed, 21 Oct 2026 07:29:00 GMT\r\n";
    assert_eq!(wait("429 Slow", dates).await, Some(60));
    assert_eq!(wait("503 Busy", "retry-after: canary\r\n").await, None);
    assert_eq!(wait("200 OK", "retry-after: 120\r\n").await, None);
}

#[tokio::test]
async fn connections_are_kept_and_no_cookie_is() {
    let receiver = Upstream::start(http("200 OK", "set-cookie: a=b\r\n", "taken")).await;
    let sender = local_sender();
    for _ in 0..3 {
        assert_eq!(sender.send(&signed(&receiver.url())).await.error, None);
    }
    assert_eq!((receiver.requests().len(), receiver.connections()), (3, 1));
    assert!(receiver.requests().iter().all(|request| request.header("cookie").is_empty()));
}
