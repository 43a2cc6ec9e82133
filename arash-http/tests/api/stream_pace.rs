use std::sync::Arc;
use std::time::{Duration, Instant};

use arash_core::settings::HttpSettings;
use arash_core::testing::{Script, ScriptedProvider, Step};
use arash_core::usage::UsageFilter;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Notify;

use crate::support::{Key, TestHost, message};

#[tokio::test]
async fn each_word_arrives_before_the_next_one_is_said() {
    const WORDS: usize = 20;
    let gate = Arc::new(Notify::new());
    let steps = (0..WORDS).flat_map(|number| [Step::say(format!("{number} ")), Step::WaitFor(Arc::clone(&gate))]);
    let provider = ScriptedProvider::new([Script::new(steps)]);
    let host = TestHost::with(|builder| builder.ai(provider)).await;
    let key = host.user("Team").await;
    let mut stream = host.stream(&key, "c", "Hi").await;
    assert_eq!(stream.next().await.unwrap().name, "start");
    for number in 0..WORDS {
        let event = tokio::time::timeout(Duration::from_secs(10), stream.next()).await.unwrap().unwrap();
        assert_eq!((event.id, event.data), ((number + 1).to_string(), json!({"text": format!("{number} ")})));
        gate.notify_one();
    }
    assert_eq!(stream.next().await.unwrap().name, "done");
}

#[tokio::test]
async fn a_silent_stream_is_kept_alive() {
    let gate = Arc::new(Notify::new());
    let script = Script::new([Step::say("one "), Step::WaitFor(Arc::clone(&gate)), Step::say("two")]);
    let mut settings = HttpSettings::default();
    assert_eq!(settings.keep_alive, Duration::from_secs(15));
    settings.keep_alive = Duration::from_millis(20);
    let host = TestHost::with_settings(|builder| builder.ai(ScriptedProvider::new([script])), settings).await;
    let key = host.user("Team").await;
    let mut stream = host.stream(&key, "c", "Hi").await;
    assert_eq!(
        (stream.next().await.unwrap().name, stream.next().await.unwrap().name),
        ("start".into(), "delta".into())
    );
    let began = Instant::now();
    tokio::join!(
        async {
            assert_eq!(stream.next().await.unwrap().data, json!({"text": "two"}));
        },
        async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            gate.notify_one();
        }
    );
    let most = began.elapsed().as_millis() / 20 + 1;
    assert!((3..=most as usize).contains(&stream.comments), "{} comments, at most {most}", stream.comments);
    assert_eq!(stream.next().await.unwrap().name, "done");
}

/// Asks for a long answer and reads nothing of it; hardly any of it fits on the way.
async fn stalled(host: &TestHost, key: &Key, number: usize) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let mut line = socket.connect(host.socket().parse().unwrap()).await.unwrap();
    let body = message(&format!("stalled-{number}"), "Hi").to_string();
    let head = format!(
        "POST /api/v1/chat/stream HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        key.secret,
        body.len(),
    );
    line.write_all(head.as_bytes()).await.unwrap();
    line
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_who_stall_hold_up_nobody() {
    const STALLED: usize = 50;
    let long = Script::new(vec![Step::say("x".repeat(10_000)); 100]);
    let provider = ScriptedProvider::new(vec![long; STALLED]);
    let host = TestHost::with(|builder| builder.ai(provider.clone())).await;
    let key = host.user("Team").await;
    let mut lines = Vec::new();
    for number in 0..STALLED {
        lines.push(stalled(&host, &key, number).await);
    }
    // The answers are made and recorded at the provider's pace, not at their readers'.
    let began = Instant::now();
    let requests = async || host.engine.usage().report(UsageFilter::default(), 1).await.unwrap().totals.requests;
    while requests().await < STALLED as u64 {
        assert!(began.elapsed() < Duration::from_secs(20), "{} are recorded", requests().await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    provider.push(Script::saying("hello"));
    let other = host.user("Other").await;
    for number in 0..10 {
        let began = Instant::now();
        assert_eq!(host.say(&other, "c", "Hi").await.status, 200);
        let events = host.stream(&other, "c", "Hi").await.rest().await;
        assert_eq!((events.len(), events[2].name.as_str()), (3, "done"));
        assert!(began.elapsed() < Duration::from_secs(20), "{number}: {:?}", began.elapsed());
    }
    // And whoever reads at last gets all of it.
    let mut text = String::new();
    lines.pop().unwrap().read_to_string(&mut text).await.unwrap();
    let piece = "x".repeat(10_000);
    assert_eq!(text.matches(&piece).count(), 2 * 100, "the pieces, and the whole at the end");
}
