//! The AI service that everything is measured in front of: it answers at once, or after a fixed time, the same always.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::connection::{content_length, position};

/// How long an answer to [`SLOW`] takes: less than any model needs, more than a commit.
const THINKING: Duration = Duration::from_millis(20);
/// The path that is answered after [`THINKING`]; all others are answered at once.
pub(crate) const SLOW: &str = "/slow";

/// Starts it on `tasks`; gives its address.
pub(crate) async fn start(tasks: &mut JoinSet<()>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("a listener has an address");
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(serve(stream));
            while connections.try_join_next().is_some() {}
        }
    });
    address.to_string()
}

async fn serve(mut stream: TcpStream) {
    drop(stream.set_nodelay(true));
    let body = r#"{"Response": "I am doing well, thank you. How can I help you today?", "Pipeline": "openai/gpt-5-chat", "Status": "success"}"#;
    let length = body.len();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}");
    let mut received = Vec::with_capacity(16 << 10);
    loop {
        match stream.read_buf(&mut received).await {
            Ok(1..) => {}
            _ => return,
        }
        let Some(end) = position(&received, b"\r\n\r\n") else { continue };
        let head = received.get(..end).unwrap_or_default();
        if received.len() < end + 4 + content_length(head) {
            continue;
        }
        if position(head, SLOW.as_bytes()).is_some() {
            tokio::time::sleep(THINKING).await;
        }
        received.clear();
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
