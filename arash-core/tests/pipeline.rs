//! The house protocol: what is asked is exactly the contract's, and no answer can do harm.
#![cfg(feature = "pipeline")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what tests share may end a test as the tests themselves do"
)]

mod support {
    pub(crate) mod upstream;
}

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arash_core::ErrorKind;
use arash_core::ai::{AiError, AiErrorKind, AiProvider, ChatDelta, ChatRequest, Pipeline};
use arash_core::clock::Timestamp;
use arash_core::message::{Attachment, AttachmentSource, Message, MessageKind, Role};
use arash_core::secret::Secret;
use bytes::Bytes;
use futures_util::StreamExt;
use support::upstream::{Play, Upstream};

const GOOD: &str = r#"{"Response": "Hello Sara", "Pipeline": "m/one", "Status": "success"}"#;
const KEY: &str = "canary-key";
const MEBIBYTE: usize = 1024 * 1024;

fn conversation() -> ChatRequest {
    let lines = [(Role::User, "I am \"Sara\""), (Role::Assistant, "سلام"), (Role::User, "Hello\n")];
    let message = |(role, text)| Arc::new(Message::new(role, text, Timestamp::from_millis(0)));
    ChatRequest::new("m/one".into(), lines.into_iter().map(message).collect())
}

fn attachment(kind: MessageKind, media_type: Option<&str>, source: AttachmentSource) -> Attachment {
    Attachment { kind, media_type: media_type.map(str::to_owned), source }
}

fn http(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let length = body.as_ref().len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n");
    [head.as_bytes(), body.as_ref()].concat()
}

fn ok(body: impl AsRef<[u8]>) -> Play {
    Play::Answer(http("200 OK", "", body))
}

fn client(upstream: &Upstream) -> Pipeline {
    let client = Pipeline::new(&upstream.url()).unwrap().with_timeout(Duration::from_secs(5));
    client.with_api_key(Secret::new(KEY)).unwrap()
}

/// The failure of an exchange, after the look that it tells nobody what it must not.
async fn failure_with(client: &Pipeline) -> AiError {
    let failure = client.complete(conversation()).await.expect_err("the answer is to be refused");
    let shown = format!("{failure} {} {client:?}", arash_core::Error::from(failure.clone()));
    assert!(!shown.contains("canary") && !shown.contains("127.0.0.1"), "{shown}");
    let logged = format!("{failure:?} {}", failure.source().map(ToString::to_string).unwrap_or_default());
    assert!(!logged.contains("canary"), "{logged}");
    failure
}

async fn failure(play: Play) -> AiError {
    failure_with(&client(&Upstream::start(play).await)).await
}

#[tokio::test]
async fn the_request_is_exactly_the_contracts() {
    let upstream = Upstream::start(ok(GOOD)).await;
    let reply = client(&upstream).complete(conversation()).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.usage, reply.model), ("Hello Sara", None, None));

    let [request] = upstream.requests().try_into().unwrap();
    assert!(request.head.starts_with("POST /run?token=canary-url HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!(request.header("content-type"), ["application/json"]);
    assert_eq!(request.header("authorization"), ["Bearer canary-key"]);
    assert_eq!(
        request.body,
        concat!(
            r#"{"History":[{"role":"user","content":"I am \"Sara\""},{"role":"assistant","content":"سلام"},"#,
            r#"{"role":"user","content":"Hello\n"}],"Pipeline":"m/one","Files":[],"AudioFile":null}"#
        )
    );
}

#[tokio::test]
async fn without_a_key_none_is_sent() {
    let upstream = Upstream::start(ok(GOOD)).await;
    Pipeline::new(&upstream.url()).unwrap().complete(conversation()).await.unwrap();
    assert!(upstream.requests()[0].header("authorization").is_empty());
}

#[tokio::test]
async fn a_key_wins_over_a_password_in_the_address() {
    let upstream = Upstream::start(ok(GOOD)).await;
    let url = upstream.url().replace("//", "//user:canary@");
    let client = Pipeline::new(&url).unwrap().with_api_key(Secret::new(KEY)).unwrap();
    client.complete(conversation()).await.unwrap();
    assert_eq!(upstream.requests()[0].header("authorization"), ["Bearer canary-key"]);
}

#[tokio::test]
async fn attachments_go_to_files_and_sound_to_audio_file() {
    let upstream = Upstream::start(ok(GOOD)).await;
    let (inline, link) = (AttachmentSource::Inline(Bytes::from_static(b"\xff\x00a?")), "https://example.com/a.ogg");
    let link = AttachmentSource::Url(link.to_owned());
    let mut request = conversation();
    request.messages.truncate(1);
    request.attachments = vec![
        attachment(MessageKind::Image, Some("image/png"), inline.clone()),
        attachment(MessageKind::Audio, None, link.clone()),
        attachment(MessageKind::Document, None, inline.clone()),
        attachment(MessageKind::Audio, Some("audio/ogg"), inline),
        attachment(MessageKind::Document, Some("text/plain"), link),
    ];
    client(&upstream).complete(request).await.unwrap();
    assert_eq!(
        upstream.requests()[0].body,
        concat!(
            r#"{"History":[{"role":"user","content":"I am \"Sara\""}],"Pipeline":"m/one","#,
            r#""Files":["data:image/png;base64,/wBhPw==","data:application/octet-stream;base64,/wBhPw==","#,
            r#""data:audio/ogg;base64,/wBhPw==","https://example.com/a.ogg"],"#,
            r#""AudioFile":"https://example.com/a.ogg"}"#
        )
    );
}

#[tokio::test]
async fn a_stream_gives_the_answer_in_one_piece() {
    let upstream = Upstream::start(ok(GOOD)).await;
    let deltas: Vec<_> = client(&upstream).stream(conversation()).await.unwrap().map(Result::unwrap).collect().await;
    assert_eq!(deltas, [ChatDelta::Text("Hello Sara".to_owned())]);

    let upstream = Upstream::start(ok(r#"{"Response": "Hi", "Pipeline": "m/two"}"#)).await;
    let deltas: Vec<_> = client(&upstream).stream(conversation()).await.unwrap().map(Result::unwrap).collect().await;
    assert_eq!(deltas, [ChatDelta::Model("m/two".into()), ChatDelta::Text("Hi".to_owned())]);
}

#[tokio::test]
async fn connections_are_kept() {
    let upstream = Upstream::start(ok(GOOD)).await;
    let client = client(&upstream);
    for _ in 0..3 {
        client.complete(conversation()).await.unwrap();
    }
    assert_eq!((upstream.requests().len(), upstream.connections()), (3, 1));
}

#[tokio::test]
async fn other_statuses_and_fields_do_not_hinder_an_answer() {
    for body in [
        r#"{"Response": "Hi"}"#,
        r#"{"Response": "Hi", "Status": null, "Pipeline": null}"#,
        r#"{"Status": "done", "Response": "Hi", "Pipeline": "", "More": [{"a": 1}]}"#,
        &format!(r#"{{"Response": "Hi", "Pipeline": "{}"}}"#, "x".repeat(1000)),
        r#" {"Response": "Hi", "Pipeline": "two\nlines"}"#,
    ] {
        let reply = client(&Upstream::start(ok(body)).await).complete(conversation()).await.unwrap();
        assert_eq!((reply.text.as_str(), reply.model), ("Hi", None), "{body}");
    }
}

#[tokio::test]
async fn a_status_of_failure_is_refused_in_any_case() {
    for status in ["error", "ERROR", "Failed", "failure", " Timeout "] {
        let body = format!(r#"{{"Response": "canary {KEY}", "Pipeline": "m/one", "Status": "{status}"}}"#);
        assert_eq!(failure(ok(body)).await.kind(), AiErrorKind::Unanswered, "{status}");
    }
}

#[tokio::test]
async fn answers_of_another_shape_are_malformed() {
    let deep = format!(r#"{{"Response": {}"canary"{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let bodies: [&[u8]; 17] = [
        b"",
        b"canary",
        b"<html>canary</html>",
        b"null",
        b"\"canary\"",
        b"[\"canary\", \"m/one\", \"success\"]",
        b"{}",
        b"{\"Pipeline\": \"canary\", \"Status\": \"success\"}",
        b"{\"Response\": \"\", \"Status\": \"success\"}",
        b"{\"Response\": \" \\n\", \"Status\": \"success\"}",
        b"{\"Response\": null}",
        b"{\"Response\": {\"canary\": 1}}",
        b"{\"Response\": \"canary\", \"Status\": {\"canary\": 1}}",
        b"{\"Response\": \"canary\", \"Response\": \"canary\"}",
        b"{\"Response\": \"canary",
        b"{\"Response\": \"canary \xff\xfe\"}",
        deep.as_bytes(),
    ];
    for body in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(failure(ok(body)).await.kind(), AiErrorKind::Malformed, "{shown}");
    }
}

#[tokio::test]
async fn an_answer_of_a_mebibyte_is_read_and_one_byte_more_is_not() {
    let padded = |length: usize| format!("{GOOD}{}", " ".repeat(length - GOOD.len()));
    let chunked = |body: &str| {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        Play::Answer(format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).into_bytes())
    };
    for fits in [ok(padded(MEBIBYTE)), chunked(&padded(MEBIBYTE))] {
        client(&Upstream::start(fits).await).complete(conversation()).await.unwrap();
    }
    for too_long in [ok(padded(MEBIBYTE + 1)), chunked(&padded(MEBIBYTE + 1))] {
        assert_eq!(failure(too_long).await.kind(), AiErrorKind::Malformed);
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000)).into_bytes();
    for (head, part) in [
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", chunk),
        ("HTTP/1.1 200 OK\r\n\r\n", vec![b' '; 0x10000]),
    ] {
        let upstream = Upstream::start(Play::Endless(head.into(), part)).await;
        assert_eq!(failure_with(&client(&upstream)).await.kind(), AiErrorKind::Malformed);
        // The system's own buffers take some more than what is read.
        let written = upstream.written_until_closed().await;
        assert!(written < 16 * MEBIBYTE, "{written} bytes were taken");
    }
}

#[tokio::test]
async fn endless_headers_are_cut_off() {
    let upstream =
        Upstream::start(Play::Endless("HTTP/1.1 200 OK\r\n".into(), "a: canary\r\n".repeat(1000).into())).await;
    assert_eq!(failure_with(&client(&upstream)).await.kind(), AiErrorKind::Failed);
    assert!(upstream.written_until_closed().await < 16 * MEBIBYTE);
}

#[tokio::test]
async fn a_huge_content_length_is_refused_before_anything_is_read() {
    // The largest number means "unknown" within hyper, which refuses it itself.
    for (length, kind) in [("1048577", AiErrorKind::Malformed), ("18446744073709551615", AiErrorKind::Failed)] {
        // Nothing of the body ever comes: only the header can tell.
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
        assert_eq!(failure(Play::Answer(head.into_bytes())).await.kind(), kind, "{length}");
    }
}

#[tokio::test]
async fn slowness_ends_as_a_timeout() {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", GOOD.len()).into_bytes();
    let second = Duration::from_secs(1);
    for play in [
        Play::Silence,
        Play::Drip(Vec::new(), head.clone(), Duration::from_millis(50)),
        Play::Drip(head.clone(), GOOD.into(), Duration::from_millis(50)),
        Play::Drip(head, GOOD.into(), second),
    ] {
        let (upstream, start) = (Upstream::start(play).await, Instant::now());
        let client = client(&upstream).with_timeout(Duration::from_millis(200));
        let failure = failure_with(&client).await;
        assert_eq!((failure.kind(), failure.is_retryable()), (AiErrorKind::Timeout, false));
        assert_eq!(arash_core::Error::from(failure).kind(), ErrorKind::AiTimeout);
        assert!(start.elapsed() < second, "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let other = Upstream::start(ok(GOOD)).await;
        let play = Play::Answer(http(status, &format!("location: {}\r\n", other.url()), "canary"));
        assert_eq!(failure(play).await.kind(), AiErrorKind::Misconfigured, "{status}");
        assert_eq!(other.connections(), 0, "{status}");
    }
}

#[tokio::test]
async fn http_failures_say_whether_to_try_again() {
    use AiErrorKind::{Failed, Misconfigured, Overloaded, RateLimited, Refused};
    for (status, retry_after, kind, delay) in [
        ("429 Too Many", "retry-after: 7\r\n", RateLimited, Some(7)),
        ("429 Too Many", "retry-after: 999999999\r\n", RateLimited, Some(86_400)),
        ("429 Too Many", "retry-after: soon, canary\r\n", RateLimited, None),
        ("429 Too Many", "retry-after: -1\r\n", RateLimited, None),
        ("429 Too Many", "retry-after: \u{e9}\r\n", RateLimited, None),
        ("429 Too Many", "", RateLimited, None),
        ("502 Bad Gateway", "", Overloaded, None),
        ("503 Unavailable", "retry-after: 3\r\n", Overloaded, Some(3)),
        ("504 Gateway Timeout", "", Overloaded, None),
        ("400 Bad Request", "retry-after: 3\r\n", Refused, None),
        ("401 Unauthorized", "", Misconfigured, None),
        ("404 Not Found", "", Misconfigured, None),
        ("500 canary", "", Failed, None),
        ("204 No Content", "", AiErrorKind::Malformed, None),
    ] {
        let body = if status.starts_with("204") { "" } else { GOOD };
        let failure = failure(Play::Answer(http(status, retry_after, body))).await;
        let found = (failure.kind(), failure.retry_after());
        assert_eq!(found, (kind, delay.map(Duration::from_secs)), "{status} {retry_after}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_told_as_such() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/canary", listener.local_addr().unwrap());
    drop(listener);
    let failure = failure_with(&Pipeline::new(&url).unwrap()).await;
    assert_eq!((failure.kind(), failure.is_retryable()), (AiErrorKind::Connect, true));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_malformed() {
    let cut = &http("200 OK", "", GOOD)[..60];
    for play in [Play::Reset(cut.to_vec()), Play::Close(cut.to_vec())] {
        assert_eq!(failure(play).await.kind(), AiErrorKind::Malformed);
    }
}

#[tokio::test]
async fn no_answer_at_all_is_not_tried_again() {
    for play in [Play::Reset(Vec::new()), Play::Close(Vec::new()), Play::Close(b"canary canary\r\n\r\n".to_vec())] {
        let upstream = Upstream::start(play).await;
        let failure = failure_with(&client(&upstream)).await;
        assert_eq!((failure.kind(), failure.is_retryable()), (AiErrorKind::Failed, false));
        assert_eq!(upstream.requests().len(), 1, "the service may have done the work");
    }
}

#[test]
fn addresses_and_keys_are_checked_when_they_are_set() {
    for url in ["", "canary", "ftp://canary/", "file:///canary", "//canary/", "http://", "http://canary:99999/"] {
        let error = Pipeline::new(url).expect_err(url);
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{url}");
        assert_eq!(error.fields()[0].field, "AI_SERVICE_URL");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    let client = Pipeline::new("http://localhost:1/").unwrap();
    let error = client.with_api_key(Secret::new("canary\r\nx: y")).unwrap_err();
    assert_eq!((error.kind(), error.fields()[0].field.as_ref()), (ErrorKind::InvalidInput, "AI_API_KEY"));
    assert!(!format!("{error:?}").contains("canary"));
}
