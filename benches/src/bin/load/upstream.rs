//! The AI service that everything is measured in front of: it answers at once, or after a fixed time, the same always, by
//! the house protocol or by OpenAI's.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::connection::{content_length, position};

/// How long an answer to [`SLOW`] takes: less than any model needs, more than a commit.
const THINKING: Duration = Duration::from_millis(20);
/// Below this path all is answered after [`THINKING`]; below others, at once.
pub(crate) const SLOW: &str = "/slow/";
/// What it says, in pieces.
const PIECES: [&str; 3] = ["I am doing well, ", "thank you. ", "How can I help you today?"];

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
        let answer = answer(&received);
        received.clear();
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The answer to a request.
fn answer(request: &[u8]) -> String {
    let text = PIECES.concat();
    let (kind, body) = if position(request, b"/chat/completions ").is_none() {
        let body = json!({"Response": text, "Pipeline": "openai/gpt-5-chat", "Status": "success"});
        ("application/json", body.to_string())
    } else if position(request, b"\"stream\":true").is_some() {
        ("text/event-stream", events())
    } else {
        let choice = json!({"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"});
        let usage = json!({"prompt_tokens": 20, "completion_tokens": 15, "total_tokens": 35});
        let body = json!({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage});
        ("application/json", body.to_string())
    };
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// The pieces as server-sent events.
fn events() -> String {
    let event = |fields: Value| {
        let mut chunk = json!({"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"});
        if let (Value::Object(chunk), Value::Object(fields)) = (&mut chunk, fields) {
            chunk.extend(fields);
        }
        format!("data: {chunk}\n\n")
    };
    let delta =
        |delta: Value, end: Value| event(json!({"choices": [{"index": 0, "delta": delta, "finish_reason": end}]}));
    let mut events: String = PIECES.iter().map(|piece| delta(json!({"content": piece}), Value::Null)).collect();
    events += &delta(json!({}), json!("stop"));
    events +=
        &event(json!({"choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 15, "total_tokens": 35}}));
    events + "data: [DONE]\n\n"
}
