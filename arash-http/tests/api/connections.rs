use std::time::Duration;

use arash_core::testing::{Script, ScriptedProvider, Step};
use tokio::time::Instant;

use crate::support::{TestHost, message};

const SHORT: Duration = Duration::from_millis(300);
/// Longer than anything that is short here.
const SOON: Duration = Duration::from_secs(4);

fn post(key: &str, length: usize, more: &str) -> String {
    format!(
        "POST /api/v1/chat HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n{more}\r\n"
    )
}

#[tokio::test]
async fn a_client_that_is_still_sending_reads_why_it_is_refused() {
    let host = TestHost::start().await;
    let body = vec![b' '; 2 << 20];
    let mut wrong_key = host.connect().await;
    wrong_key.send(post("sk_live_wrong", body.len(), "")).await;
    wrong_key.send(&body).await;
    let (said, is_in_order) = wrong_key.rest().await;
    assert!(is_in_order && said.starts_with("HTTP/1.1 401 "), "{said}");
    assert!(said.contains("unauthenticated"), "{said}");

    let body = vec![b' '; 30 << 20];
    let mut too_large = host.connect().await;
    too_large.send(post(&host.admin.secret, body.len(), "")).await;
    too_large.send(&body).await;
    let (said, is_in_order) = too_large.rest().await;
    assert!(is_in_order && said.starts_with("HTTP/1.1 413 "), "{said}");
}

#[tokio::test]
async fn a_client_that_asks_first_is_refused_before_it_sends() {
    let host = TestHost::start().await;
    let mut line = host.connect().await;
    line.send(post("sk_live_wrong", 2 << 20, "Expect: 100-continue\r\n")).await;
    assert!(line.head().await.starts_with("HTTP/1.1 401 "));
    let mut line = host.connect().await;
    let body = message("c", "Hi").to_string();
    line.send(post(&host.admin.secret, body.len(), "Expect: 100-continue\r\nConnection: close\r\n")).await;
    assert!(line.head().await.starts_with("HTTP/1.1 100 "));
    line.send(body).await;
    assert!(line.rest().await.0.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn heads_that_cannot_be_read_are_refused_and_hurt_nobody() {
    let host = TestHost::start().await;
    // What is a little longer than the 400 KiB or so that hyper takes may come in one piece with what is not.
    let long = "x".repeat(1 << 20);
    let many = "X-Many: y\r\n".repeat(101);
    for (head, status) in [
        ("what is this\r\n\r\n".to_owned(), 400),
        ("GET /health HTTP/1.1\r\nHost h\r\n\r\n".to_owned(), 400),
        ("GET /health HTTP/9.9\r\n\r\n".to_owned(), 400),
        ("POST /api/v1/chat HTTP/1.1\r\nContent-Length: many\r\n\r\n".to_owned(), 400),
        ("POST /api/v1/chat HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_owned(), 400),
        (format!("GET /health HTTP/1.1\r\nX-Long: {long}\r\n\r\n"), 431),
        (format!("GET /health HTTP/1.1\r\n{many}\r\n"), 431),
        (format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(66_000)), 414),
    ] {
        let mut line = host.connect().await;
        line.send(&head).await;
        let begins = head.chars().take(60).collect::<String>();
        let (said, is_in_order) = line.rest().await;
        assert!(is_in_order && said.starts_with(&format!("HTTP/1.1 {status} ")), "{begins:?}: {said}");
    }
    assert_eq!(host.send(host.request("GET", "/health/live")).await.status, 200);
}

#[tokio::test]
async fn a_head_that_drips_in_is_not_waited_for() {
    let host = TestHost::with_limits(|limits| limits.head = SHORT).await;
    for bytes in [&b"x"[..], b"\r\n", b"GET / HTTP/1.1\r\nA: b\r\n"] {
        let line = host.connect().await;
        let open_for = line.drip(bytes, Duration::from_millis(20)).await;
        assert!((SHORT..SOON).contains(&open_for), "{open_for:?}");
    }
}

#[tokio::test]
async fn the_second_head_of_a_connection_is_not_waited_for_either_but_the_answer_to_the_first_is() {
    let slow = ScriptedProvider::new([Script::new([Step::Pause(3 * SHORT), Step::say("at last")])]);
    let host = TestHost::with_limits_and(|limits| limits.head = SHORT, |builder| builder.ai(slow)).await;
    let body = message("c", "Hi").to_string();
    let mut line = host.connect().await;
    line.send(post(&host.admin.secret, body.len(), "")).await;
    line.send(&body).await;
    assert!(line.head().await.starts_with("HTTP/1.1 200 "), "longer than a head may take");
    let open_for = line.drip(b"x", Duration::from_millis(20)).await;
    assert!((SHORT..SOON).contains(&open_for), "{open_for:?}");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let host = TestHost::with_limits(|limits| limits.body = SHORT).await;
    let mut line = host.connect().await;
    line.send(post(&host.admin.secret, 100, "")).await;
    line.send("{").await;
    let (said, _) = line.rest().await;
    assert!(said.starts_with("HTTP/1.1 400 ") && said.contains("did not arrive within"), "{said}");
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let host = TestHost::with_limits(|limits| (limits.idle, limits.head) = (SHORT, SHORT)).await;
    for bytes in ["", "GET /hea", "GET /health/live HTTP/1.1\r\nHost: h\r\n\r\n"] {
        let mut line = host.connect().await;
        line.send(bytes).await;
        let begun = Instant::now();
        line.rest().await;
        assert!(begun.elapsed() < SOON, "{bytes:?}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn who_takes_nothing_of_an_answer_is_given_up() {
    let host = TestHost::with_limits(|limits| limits.stalled_write = SHORT).await;
    let page = host.send(host.request("GET", "/docs")).await.text.len();
    let mut line = host.connect().await;
    // Each is more than a megabyte, and the system's buffers take only so much.
    line.send("GET /docs HTTP/1.1\r\nHost: h\r\n\r\n".repeat(20)).await;
    tokio::time::sleep(4 * SHORT).await;
    let (taken, _) = line.rest().await;
    assert!(taken.len() < 19 * page, "{} bytes of {page} times 20 came", taken.len());
}
